//! The published vectors of RFC 6962 trees (Certificate Transparency's eight leaves).

use backlog_audit_log::{EMPTY_ROOT, Tree, leaf_hash, node_hash, root_from};

use crate::fixture::Log;

const ROOTS: [&str; 9] = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
];

const N0: &str = "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d";
const N1: &str = "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7";
const N01: &str = "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125";
const N23: &str = "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e";
const N4: &str = "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b";
const N45: &str = "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a";
const N67: &str = "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0";
const N0123: &str = "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7";
const N4567: &str = "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4";

fn hexes(hashes: &[[u8; 32]]) -> Vec<String> {
    hashes.iter().map(hex::encode).collect()
}

/// The roots of 0 to 8 leaves are the published ones, from the growing tree and from the table.
#[test]
fn roots() {
    assert_eq!(hex::encode(EMPTY_ROOT), ROOTS[0]);
    assert_eq!(root_from(0, &[]), Ok(EMPTY_ROOT));
    let log = Log::ct(8);
    let mut tree = Tree::new();
    assert_eq!(tree.root(), EMPTY_ROOT);
    for (entry, (size, root)) in log.entries.iter().zip((1..).zip(&ROOTS[1..])) {
        tree.append(leaf_hash(entry));
        assert_eq!(tree.size(), size);
        assert_eq!(hex::encode(tree.root()), *root, "grown to {size}");
        assert_eq!(hex::encode(log.root(size)), *root, "loaded at {size}");
    }
}

/// Inclusion proofs are the published ones, hash by hash and in order.
#[test]
fn inclusion_proofs() {
    let cases: [(u64, u64, &[&str]); 7] = [
        (0, 1, &[]),
        (0, 2, &[N1]),
        (1, 2, &[N0]),
        (2, 3, &[N01]),
        (1, 5, &[N0, N23, N4]),
        (0, 8, &[N1, N23, N4567]),
        (5, 8, &[N4, N67, N0123]),
    ];
    let log = Log::ct(8);
    for (index, size, proof) in cases {
        assert_eq!(hexes(&log.inclusion(index, size)), proof, "leaf {index} of {size}");
    }
}

/// Consistency proofs are the published ones, hash by hash and in order.
#[test]
fn consistency_proofs() {
    let cases: [(u64, u64, &[&str]); 5] = [
        (0, 8, &[]),
        (1, 1, &[]),
        (1, 8, &[N1, N23, N4567]),
        (2, 5, &[N23, N4]),
        (6, 8, &[N45, N67, N0123]),
    ];
    let log = Log::ct(8);
    for (first, second, proof) in cases {
        assert_eq!(hexes(&log.consistency(first, second)), proof, "{first} to {second}");
    }
}

/// The worked example of RFC 6962, section 2.1.3: seven leaves, by the letters of its picture.
#[test]
fn the_example_of_the_rfc() {
    let log = Log::numbered(7);
    let [a, b, c, d, e, f, j] = [0, 1, 2, 3, 4, 5, 6].map(|index| log.leaf(index));
    let (g, h, i) = (node_hash(&a, &b), node_hash(&c, &d), node_hash(&e, &f));
    let (k, l) = (node_hash(&g, &h), node_hash(&i, &j));
    assert_eq!(log.root(7), node_hash(&k, &l));
    assert_eq!(log.inclusion(0, 7), [b, h, l]);
    assert_eq!(log.inclusion(3, 7), [c, g, l]);
    assert_eq!(log.inclusion(4, 7), [f, j, k]);
    assert_eq!(log.inclusion(6, 7), [i, k]);
    assert_eq!(log.consistency(3, 7), [c, d, g, l]);
    assert_eq!(log.consistency(4, 7), [l]);
    assert_eq!(log.consistency(6, 7), [i, j, k]);
}
