//! From proto files to descriptors, without protoc.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use prost_reflect::{DescriptorPool, FileDescriptor};
use prost_types::{FileDescriptorProto, FileDescriptorSet};

use super::Mistakes;

/// What the compiler understood.
pub struct Compiled {
    /// Everything, imports included, with our options readable.
    pub pool: DescriptorPool,
    /// The same, encoded, options kept, comments dropped: what reflection serves.
    pub encoded: Vec<u8>,
    /// The same with comments: what descriptions for people are made of.
    pub described: Vec<u8>,
    /// The same again, decoded: comments become the documentation of the generated code. (Our options are lost in this form.)
    with_comments: FileDescriptorSet,
}

/// Names of all protos under `<root>/<folder>`, relative to the root and sorted.
pub fn proto_files(root: &Path, folder: &str) -> Result<Vec<String>, Mistakes> {
    let mut found = Vec::new();
    let mut folders = vec![root.join(folder)];
    while let Some(folder) = folders.pop() {
        let entries = fs::read_dir(&folder)
            .map_err(|error| vec![format!("cannot list {}: {error}", folder.display())])?;
        for entry in entries {
            let path = entry.map_err(|error| vec![error.to_string()])?.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "proto") {
                found.push(path);
            }
        }
    }
    let mut names: Vec<String> = found
        .iter()
        .filter_map(|path| path.strip_prefix(root).ok())
        .map(|path| path.to_string_lossy().replace('\\', "/"))
        .collect();
    names.sort();
    Ok(names)
}

/// Compiles the named files and what they import.
pub fn compile(files: &[String], includes: &[PathBuf]) -> Result<Compiled, Mistakes> {
    let compile = |comments: bool| {
        let mut compiler = protox::Compiler::new(includes)?;
        compiler.include_source_info(comments).include_imports(true).open_files(files)?;
        Ok(compiler)
    };
    // The debug form of the compiler's error carries file, line and column.
    let told = |error: protox::Error| vec![format!("{error:?}")];
    let plain = compile(false).map_err(told)?;
    let commented = compile(true).map_err(told)?;
    Ok(Compiled {
        pool: plain.descriptor_pool(),
        encoded: plain.encode_file_descriptor_set(),
        described: commented.encode_file_descriptor_set(),
        with_comments: commented.file_descriptor_set(),
    })
}

impl Compiled {
    /// The descriptors of the named files, without their imports.
    pub fn own_files(&self, files: &[String]) -> Vec<FileDescriptor> {
        files.iter().filter_map(|name| self.pool.get_file_by_name(name)).collect()
    }

    /// The files to make Rust of: the named ones, and those imports whose messages their fields use. What only carries options
    /// (buf.validate, google.api) is left out. Of google.protobuf prost makes nothing, prost-types has it, but wants to see it.
    pub fn to_generate(&self, files: &[String]) -> FileDescriptorSet {
        let mut wanted: BTreeSet<String> = files.iter().cloned().collect();
        let mut open: Vec<String> = files.to_vec();
        while let Some(name) = open.pop() {
            let Some(file) = self.pool.get_file_by_name(&name) else { continue };
            for used in files_used_by(&file) {
                if wanted.insert(used.clone()) {
                    open.push(used);
                }
            }
        }
        let file = self.with_comments.file.iter().filter(|file| wanted.contains(file.name()));
        FileDescriptorSet { file: file.cloned().map(without_foreign_comments).collect() }
    }
}

/// Comments of vendored files hold examples in other languages, which rustdoc would take for Rust.
fn without_foreign_comments(mut file: FileDescriptorProto) -> FileDescriptorProto {
    if !file.name().starts_with("parkmesh/") {
        file.source_code_info = None;
    }
    file
}

fn files_used_by(file: &FileDescriptor) -> BTreeSet<String> {
    let mut used = BTreeSet::new();
    let mut open: Vec<_> = file.messages().collect();
    while let Some(message) = open.pop() {
        for field in message.fields() {
            match field.kind() {
                prost_reflect::Kind::Message(other) => {
                    used.insert(other.parent_file().name().into())
                }
                prost_reflect::Kind::Enum(other) => used.insert(other.parent_file().name().into()),
                _ => false,
            };
        }
        open.extend(message.child_messages());
    }
    for method in file.services().flat_map(|service| service.methods().collect::<Vec<_>>()) {
        used.insert(method.input().parent_file().name().into());
        used.insert(method.output().parent_file().name().into());
    }
    used
}
