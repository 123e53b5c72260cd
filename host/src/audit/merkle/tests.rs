//! Known roots and proofs, and each property against every other size and index.

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
    let told = |path: Option<Vec<Hash>>| -> Vec<String> { path.unwrap().iter().map(hex).collect() };
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
