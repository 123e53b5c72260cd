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
    let mut parts = bytes.iter_mut();
    for (to, from) in parts
        .by_ref()
        .zip([1].iter().chain(&left.0).chain(&right.0))
    {
        *to = *from;
    }
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
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use super::*;

    fn leaf(data: &[u8]) -> Hash {
        let mut bytes = vec![0];
        bytes.extend(data);
        Hash::from_digest(&aws_lc_rs::digest::digest(&SHA256, &bytes))
    }

    fn leaves(count: usize) -> Vec<Hash> {
        (0..count).map(|n| leaf(&n.to_be_bytes())).collect()
    }

    fn hex(hash: &Hash) -> String {
        hash.0.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// RFC 9162 section 2.1.1, by its own recursion.
    fn by_definition(leaves: &[Hash]) -> Hash {
        match leaves {
            [] => empty_root(),
            [one] => *one,
            more => {
                let mut split = 1;
                while split * 2 < more.len() {
                    split *= 2;
                }
                node(
                    &by_definition(&more[..split]),
                    &by_definition(&more[split..]),
                )
            }
        }
    }

    /// SHA-256 of nothing, and of the single byte 0, are known constants.
    #[test]
    fn empty_tree_and_empty_leaf_are_the_known_digests() {
        assert_eq!(
            hex(&empty_root()),
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
        );
        assert_eq!(
            hex(&root(&[leaf(b"")])),
            "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"
        );
    }

    /// The tree of eight leaves by which Certificate Transparency's own implementations
    /// are tested (RFC 6962), with its roots and some of its proofs.
    #[test]
    fn tree_of_certificate_transparency_has_its_known_roots_and_proofs() {
        let data = [
            &b""[..],
            &[0x00],
            &[0x10],
            b"\x20\x21",
            b"\x30\x31",
            b"\x40\x41\x42\x43",
            b"\x50\x51\x52\x53\x54\x55\x56\x57",
            b"\x60\x61\x62\x63\x64\x65\x66\x67\x68\x69\x6a\x6b\x6c\x6d\x6e\x6f",
        ];
        let leaves: Vec<Hash> = data.iter().map(|data| leaf(data)).collect();
        let roots = [
            "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
            "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
            "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
            "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
            "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
            "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
            "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
        ];
        for (size, known) in (1..).zip(roots) {
            assert_eq!(hex(&root(&leaves[..size])), known, "{size}");
        }
        let told =
            |path: Option<Vec<Hash>>| -> Vec<String> { path.unwrap().iter().map(hex).collect() };
        let path_of_first = [
            "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
            "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
        ];
        assert_eq!(told(inclusion_proof(&leaves, 0)), path_of_first);
        assert_eq!(told(consistency_proof(&leaves, 1)), path_of_first);
        let from_six = [
            "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
            "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        ];
        assert_eq!(told(consistency_proof(&leaves, 6)), from_six);
    }

    #[test]
    fn frontier_has_the_root_of_the_definition_at_every_size() {
        let leaves = leaves(130);
        let mut frontier = Frontier::default();
        for size in 0..=leaves.len() {
            assert_eq!(frontier.root(), by_definition(&leaves[..size]), "{size}");
            assert_eq!(frontier.size(), size as u64);
            if let Some(leaf) = leaves.get(size) {
                frontier.push(*leaf);
            }
        }
    }

    #[test]
    fn each_leaf_of_each_tree_has_its_proof_and_no_other() {
        let all = leaves(20);
        for size in 1..=all.len() {
            let tree = &all[..size];
            let root = root(tree);
            for index in 0..size {
                let path = inclusion_proof(tree, index).unwrap();
                let check = |leaf: &Hash, index: usize, size: usize, path: &[Hash]| {
                    verify_inclusion(leaf, index as u64, size as u64, path, &root)
                };
                assert!(check(&tree[index], index, size, &path));
                assert!(!check(&leaf(b"other"), index, size, &path));
                assert!(!check(&tree[index], (index + 1) % (size + 1), size, &path));
                assert!(!check(
                    &tree[index],
                    index,
                    size,
                    &[path.clone(), vec![root]].concat()
                ));
                if let Some((_, shorter)) = path.split_last() {
                    assert!(!check(&tree[index], index, size, shorter));
                    let mut altered = path.clone();
                    altered[0].0[31] ^= 1;
                    assert!(!check(&tree[index], index, size, &altered));
                }
            }
            assert_eq!(inclusion_proof(tree, size), None);
        }
    }

    #[test]
    fn each_beginning_is_consistent_and_nothing_else_is() {
        let all = leaves(20);
        let mut other = all.clone();
        other[0] = leaf(b"other");
        for size in 1..=all.len() {
            let new = root(&all[..size]);
            for old_size in 1..=size {
                let old = root(&all[..old_size]);
                let path = consistency_proof(&all[..size], old_size).unwrap();
                let check = |old: &Hash, new: &Hash, path: &[Hash]| {
                    verify_consistency((old_size as u64, old), (size as u64, new), path)
                };
                assert!(check(&old, &new, &path), "{old_size} {size}");
                assert!(!check(&root(&other[..old_size]), &new, &path));
                assert!(!check(&old, &root(&other[..size]), &path));
                assert!(!check(&old, &new, &[path.clone(), vec![new]].concat()));
                let forged = consistency_proof(&other[..size], old_size).unwrap();
                assert_eq!(
                    check(&old, &new, &forged),
                    forged == path,
                    "{old_size} {size}"
                );
            }
            assert!(verify_consistency(
                (0, &empty_root()),
                (size as u64, &new),
                &[]
            ));
            assert!(!verify_consistency((0, &new), (size as u64, &new), &[]));
            assert_eq!(consistency_proof(&all[..size], size + 1), None);
        }
    }

    #[test]
    fn hash_reads_back_from_its_text() {
        let hash = leaf(b"x");
        assert_eq!(Hash::from_base64(&hash.to_string()), Some(hash));
        assert_eq!(Hash::from_base64("AAAA"), None);
        let json = serde_json::to_string(&hash).unwrap();
        assert_eq!(serde_json::from_str::<Hash>(&json).unwrap(), hash);
    }
}
