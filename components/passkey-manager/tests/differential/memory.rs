//! A bound on memory: far more than any ceremony may need, far less than what a length
//! that nobody checks would ask for.

/// For all that the tests of this binary do at once.
const ROOM: u64 = 512 << 20;

/// From here on the process gets no more than [`ROOM`]; an allocation beyond it aborts the
/// test. What is only asked for and never written counts as well.
#[cfg(target_os = "linux")]
pub fn bound() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

    static ONCE: std::sync::Once = std::sync::Once::new();
    ONCE.call_once(|| {
        // Pages of the address space (proc(5)).
        let pages = std::fs::read_to_string("/proc/self/statm").unwrap();
        let pages: u64 = pages.split(' ').next().unwrap().parse().unwrap();
        let page = u64::try_from(rustix::param::page_size()).unwrap();
        let limit = Rlimit {
            current: Some(pages * page + ROOM),
            maximum: getrlimit(Resource::As).maximum,
        };
        setrlimit(Resource::As, limit).unwrap();
    });
}

/// Other systems have no such limit that they keep.
#[cfg(not(target_os = "linux"))]
pub fn bound() {}
