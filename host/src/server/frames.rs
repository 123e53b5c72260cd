//! Whether a request head of HTTP/2 is under way, from the bytes that a client sends.
//!
//! A head is a HEADERS frame and its CONTINUATIONs up to END_HEADERS (RFC 9113
//! section 4.3). Until it ends nothing else may come on the connection, and no HTTP
//! library has a timer for it. So the frames are counted here: nine bytes of header
//! each, of which the length, the type and one flag matter. Whether they are right is
//! for the library to say.

/// What a client sends first (RFC 9113 section 3.4).
const PREFACE: usize = 24;

/// The header of a frame (RFC 9113 section 4.1).
const HEADER: usize = 9;

const HEADERS: u8 = 1;
const CONTINUATION: u8 = 9;
const END_HEADERS: u8 = 4;

/// Follows the frames of one client.
#[derive(Debug, Clone)]
pub(super) struct Frames {
    /// Bytes until the next frame's header begins.
    skip: usize,
    header: [u8; HEADER],
    filled: usize,
    /// What the bytes to skip are.
    now: Part,
    /// A head has begun, and the frame that ends it has not.
    open: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    /// The preface.
    Preface,
    /// A part of a head, the last one or not.
    Head { last: bool },
    /// Anything else.
    Other,
}

// === impl Frames ===

impl Frames {
    /// Nothing has come yet.
    pub(super) fn new() -> Self {
        Self {
            skip: PREFACE,
            header: [0; HEADER],
            filled: 0,
            now: Part::Preface,
            open: false,
        }
    }

    /// Whether a head, the preface or a frame's own header has begun and not ended.
    pub(super) fn in_head(&self) -> bool {
        self.open || self.filled > 0 || (self.now == Part::Preface && self.skip < PREFACE)
    }

    /// The next bytes, in any pieces.
    pub(super) fn feed(&mut self, mut bytes: &[u8]) {
        loop {
            let skipped = self.skip.min(bytes.len());
            self.skip -= skipped;
            bytes = bytes.get(skipped..).unwrap_or_default();
            if self.skip > 0 {
                return;
            }
            if self.now == (Part::Head { last: true }) {
                self.open = false;
            }
            self.now = Part::Other;
            let Some((first, rest)) = bytes.split_first() else {
                return;
            };
            if let Some(place) = self.header.get_mut(self.filled) {
                *place = *first;
            }
            self.filled += 1;
            bytes = rest;
            if self.filled == HEADER {
                self.begin_frame();
            }
        }
    }

    fn begin_frame(&mut self) {
        let [high, middle, low, kind, flags, ..] = self.header;
        self.filled = 0;
        self.skip = usize::from(high) << 16 | usize::from(middle) << 8 | usize::from(low);
        if matches!(kind, HEADERS | CONTINUATION) {
            self.open = true;
            let last = flags & END_HEADERS != 0;
            self.now = Part::Head { last };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

    fn frame(kind: u8, flags: u8, payload: &[u8]) -> Vec<u8> {
        let length = u8::try_from(payload.len()).unwrap_or(u8::MAX);
        let mut frame = vec![0, 0, length, kind, flags, 0, 0, 0, 1];
        frame.extend_from_slice(payload);
        frame
    }

    fn after(bytes: &[&[u8]]) -> Frames {
        let mut frames = Frames::new();
        frames.feed(START);
        bytes.iter().for_each(|bytes| frames.feed(bytes));
        frames
    }

    #[test]
    fn head_lasts_from_its_first_byte_to_the_end_of_its_last_frame() {
        let mut all = START.to_vec();
        all.extend(frame(4, 0, &[]));
        let before = all.len();
        all.extend(frame(HEADERS, 0, b"one"));
        all.extend(frame(CONTINUATION, 0, b""));
        all.extend(frame(CONTINUATION, END_HEADERS, b"two"));
        let end = all.len();
        all.extend(frame(0, 1, b"a body"));
        // In one piece, and byte by byte.
        let mut whole = Frames::new();
        whole.feed(&all);
        assert!(!whole.in_head());
        let mut frames = Frames::new();
        for (index, byte) in all.iter().enumerate() {
            frames.feed(std::slice::from_ref(byte));
            let came = index + 1;
            if (before + 1..end).contains(&came) {
                assert!(frames.in_head(), "after {came} bytes");
            }
            if came == before || came == end || came > end + HEADER {
                assert!(!frames.in_head(), "after {came} bytes");
            }
        }
    }

    #[test]
    fn head_without_an_end_stays_under_way() {
        assert!(after(&[&frame(HEADERS, 0, b"one")]).in_head());
        let half = frame(HEADERS, END_HEADERS, b"one");
        assert!(after(&[half.get(..11).unwrap_or_default()]).in_head());
        assert!(after(&[half.get(..4).unwrap_or_default()]).in_head());
        let more = frame(CONTINUATION, 0, b"more");
        assert!(after(&[&frame(HEADERS, 0, b""), &more, &more]).in_head());
    }

    #[test]
    fn rest_pings_and_bodies_are_no_heads() {
        assert!(!Frames::new().in_head());
        assert!(!after(&[]).in_head());
        let ping = frame(6, 0, &[0; 8]);
        assert!(!after(&[&ping, &ping]).in_head());
        let body = frame(0, 0, b"half of it");
        assert!(!after(&[body.get(..12).unwrap_or_default()]).in_head());
        let mut begun = Frames::new();
        begun.feed(b"PRI");
        assert!(begun.in_head());
    }
}
