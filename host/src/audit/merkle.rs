//! The Merkle tree of a log (RFC 9162 section 2.1, the same as RFC 6962's).
//!
//! [`Frontier`] grows leaf by leaf in 64 hashes of memory at most and knows its
//! root at each size. Proofs are made from all leaves ([`inclusion_proof`],
//! [`consistency_proof`]) and checked from nothing but themselves
//! ([`verify_inclusion`], [`verify_consistency`]). Sizes and indexes count leaves;
//! an index starts at 0, where a record's `seq` starts at 1.

use std::fmt;

use aws_lc_rs::digest::{Context, Digest, SHA256};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

/// Bytes of a [`Hash`].
pub const HASH_BYTES: usize = 32;

/// A SHA-256 digest: a leaf, a node or a root.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Hash(pub [u8; HASH_BYTES]);

/// The right edge of a growing tree: the roots of its perfect subtrees, largest
/// first. Enough to grow on and to tell the root, too little to prove anything.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Frontier {
    size: u64,
    nodes: Vec<Hash>,
}

/// The root of a tree without leaves.
pub fn empty_root() -> Hash {
    Hash::from_digest(&Context::new(&SHA256).finish())
}

/// RFC 9162 section 2.1.1: the parent of two nodes.
pub fn node(left: &Hash, right: &Hash) -> Hash {
    let mut bytes = [0; 1 + 2 * HASH_BYTES];
    let [prefix, nodes @ ..] = &mut bytes;
    *prefix = 1;
    let (first, second) = nodes.split_at_mut(HASH_BYTES);
    first.copy_from_slice(&left.0);
    second.copy_from_slice(&right.0);
    Hash::from_digest(&aws_lc_rs::digest::digest(&SHA256, &bytes))
}

/// The root over these leaves.
pub fn root(leaves: &[Hash]) -> Hash {
    let mut frontier = Frontier::default();
    leaves.iter().for_each(|leaf| frontier.push(*leaf));
    frontier.root()
}

/// RFC 9162 section 2.1.3.1: the path from the leaf at `index` to the root over
/// `leaves`, lowest first; none when there is no such leaf.
pub fn inclusion_proof(leaves: &[Hash], index: usize) -> Option<Vec<Hash>> {
    if index >= leaves.len() {
        return None;
    }
    let mut path = Vec::new();
    let (mut leaves, mut index) = (leaves, index);
    while let Some((left, right)) = halves(leaves) {
        if index < left.len() {
            path.push(root(right));
            leaves = left;
        } else {
            path.push(root(left));
            index -= left.len();
            leaves = right;
        }
    }
    path.reverse();
    Some(path)
}

/// RFC 9162 section 2.1.4.1: what shows that the tree over the first `size` leaves
/// is the beginning of the tree over `leaves`; none when there are fewer.
pub fn consistency_proof(leaves: &[Hash], size: usize) -> Option<Vec<Hash>> {
    if size > leaves.len() {
        return None;
    }
    if size == 0 || size == leaves.len() {
        return Some(Vec::new());
    }
    let mut path = Vec::new();
    let (mut leaves, mut size, mut whole) = (leaves, size, true);
    while size < leaves.len() {
        let (left, right) = halves(leaves)?;
        if size <= left.len() {
            path.push(root(right));
            leaves = left;
        } else {
            path.push(root(left));
            size -= left.len();
            leaves = right;
            whole = false;
        }
    }
    if !whole {
        path.push(root(leaves));
    }
    path.reverse();
    Some(path)
}

/// RFC 9162 section 2.1.3.2: whether `path` leads from `leaf` at `index` to `root`
/// over `size` leaves.
pub fn verify_inclusion(leaf: &Hash, index: u64, size: u64, path: &[Hash], root: &Hash) -> bool {
    if index >= size {
        return false;
    }
    let (mut index, mut last, mut hash) = (index, size - 1, *leaf);
    for sibling in path {
        if last == 0 {
            return false;
        }
        if index & 1 == 1 || index == last {
            hash = node(sibling, &hash);
            while index & 1 == 0 && index != 0 {
                index >>= 1;
                last >>= 1;
            }
        } else {
            hash = node(&hash, sibling);
        }
        index >>= 1;
        last >>= 1;
    }
    last == 0 && hash == *root
}

/// RFC 9162 section 2.1.4.2: whether `path` shows that the tree of `old_size` and
/// `old_root` is the beginning of that of `size` and `root`.
pub fn verify_consistency(
    (old_size, old_root): (u64, &Hash),
    (size, root): (u64, &Hash),
    path: &[Hash],
) -> bool {
    if old_size > size {
        return false;
    }
    if old_size == size {
        return path.is_empty() && old_root == root;
    }
    if old_size == 0 {
        return path.is_empty() && *old_root == empty_root();
    }
    let (mut index, mut last) = (old_size - 1, size - 1);
    while index & 1 == 1 {
        index >>= 1;
        last >>= 1;
    }
    let mut path = path.iter();
    // A perfect old tree is itself the first node.
    let first = if old_size.is_power_of_two() {
        Some(old_root)
    } else {
        path.next()
    };
    let Some(first) = first else { return false };
    let (mut old, mut new) = (*first, *first);
    for sibling in path {
        if last == 0 {
            return false;
        }
        if index & 1 == 1 || index == last {
            old = node(sibling, &old);
            new = node(sibling, &new);
            while index & 1 == 0 && index != 0 {
                index >>= 1;
                last >>= 1;
            }
        } else {
            new = node(&new, sibling);
        }
        index >>= 1;
        last >>= 1;
    }
    last == 0 && old == *old_root && new == *root
}

/// The left part is the largest power of two that leaves something to the right.
fn halves(leaves: &[Hash]) -> Option<(&[Hash], &[Hash])> {
    if leaves.len() < 2 {
        return None;
    }
    let left = leaves.len().next_power_of_two() / 2;
    leaves.split_at_checked(left)
}

// === impl Hash ===

impl Hash {
    pub(crate) fn from_digest(digest: &Digest) -> Self {
        let mut hash = Self::default();
        for (to, from) in hash.0.iter_mut().zip(digest.as_ref()) {
            *to = *from;
        }
        hash
    }

    /// From 32 bytes.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    /// From base64 (RFC 4648 section 4).
    pub fn from_base64(text: &str) -> Option<Self> {
        Self::from_bytes(&STANDARD.decode(text).ok()?)
    }
}

/// As base64 (RFC 4648 section 4).
impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&STANDARD.encode(self.0))
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Hash({self})")
    }
}

impl Serialize for Hash {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Hash {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        Self::from_base64(&text)
            .ok_or_else(|| serde::de::Error::custom("not a SHA-256 hash in base64"))
    }
}

// === impl Frontier ===

impl Frontier {
    /// How many leaves there are.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// One more leaf.
    pub fn push(&mut self, leaf: Hash) {
        let mut hash = leaf;
        // Each trailing one of the size is a perfect subtree that gets its equal.
        for _ in 0..self.size.trailing_ones() {
            if let Some(left) = self.nodes.pop() {
                hash = node(&left, &hash);
            }
        }
        self.nodes.push(hash);
        self.size += 1;
    }

    /// The root at this size.
    pub fn root(&self) -> Hash {
        let mut nodes = self.nodes.iter().rev();
        let Some(last) = nodes.next() else {
            return empty_root();
        };
        nodes.fold(*last, |right, left| node(left, &right))
    }
}

#[cfg(test)]
mod tests;
