//! Compiles `/proto` without protoc and keeps the descriptor set, comments included, for reflection.

use std::path::{Path, PathBuf};
use std::{env, error::Error, fs};

fn main() -> Result<(), Box<dyn Error>> {
    let root = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?).join("../../proto");
    let mut files = Vec::new();
    collect(&root, &mut files)?;
    files.sort();
    println!("cargo:rerun-if-changed={}", root.display());

    let mut compiler = protox::Compiler::new([&root])?;
    compiler.include_imports(true).include_source_info(true).open_files(&files)?;
    let out = PathBuf::from(env::var("OUT_DIR")?);
    fs::write(out.join("backlog.binpb"), compiler.encode_file_descriptor_set())?;
    tonic_prost_build::configure()
        // Equal messages have equal bytes: they are hashed, and kept as golden files.
        .btree_map(".")
        // Seldom set, and wide: a list of obligations is counted in them.
        .boxed(".backlog.contract.v1.ObligationTerms.ssp_range")
        .boxed(".backlog.contract.v1.ObligationTerms.renewal")
        .include_file("backlog.rs")
        .compile_well_known_types(false)
        .compile_fds(compiler.file_descriptor_set())?;
    Ok(())
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> Result<(), Box<dyn Error>> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, files)?;
        } else if path.extension().is_some_and(|ext| ext == "proto") {
            files.push(path);
        }
    }
    Ok(())
}
