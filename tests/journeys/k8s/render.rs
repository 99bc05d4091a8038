//! Manifests as a cluster would get them: by kustomize where there is one, else by ourselves.
//!
//! Ours reads the same files and knows only what they use; whatever else a kustomization says is an error here.

use std::path::Path;
use std::process::Command;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use yaml_rust2::{Yaml, YamlLoader};

/// All manifests of a folder with a kustomization.
pub fn rendered(folder: &Path) -> Vec<Value> {
    by_kustomize(folder).unwrap_or_else(|| by_ourselves(folder))
}

/// As kustomize, or the one in kubectl, renders them; None where neither is installed.
pub fn by_kustomize(folder: &Path) -> Option<Vec<Value>> {
    let mut ways = [("kustomize", "build"), ("kubectl", "kustomize")].into_iter();
    let output =
        ways.find_map(|(program, verb)| Command::new(program).arg(verb).arg(folder).output().ok())?;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Some(documents(&String::from_utf8(output.stdout).expect("UTF-8")))
}

/// As our own small step renders them.
pub fn by_ourselves(folder: &Path) -> Vec<Value> {
    let mut manifests = Vec::new();
    render(folder, &mut manifests);
    manifests
}

/// What a kustomization may say.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Kustomization {
    #[serde(rename = "apiVersion")]
    _api_version: String,
    #[serde(rename = "kind")]
    _kind: String,
    #[serde(default)]
    resources: Vec<String>,
    #[serde(default)]
    components: Vec<String>,
    #[serde(default)]
    patches: Vec<Patch>,
    #[serde(default)]
    labels: Vec<Labels>,
    #[serde(default)]
    images: Vec<Image>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Patch {
    target: Target,
    /// YAML of a list of [`Replace`].
    patch: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Target {
    kind: String,
    name: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Replace {
    op: String,
    path: String,
    value: Value,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Labels {
    pairs: serde_json::Map<String, Value>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Image {
    name: String,
    new_name: String,
    new_tag: String,
}

/// Adds a folder's manifests; what it changes it changes in all that are there, as kustomize does.
fn render(folder: &Path, manifests: &mut Vec<Value>) {
    let file = folder.join("kustomization.yaml");
    let kustomization: Kustomization = one(&read(&file));
    for resource in &kustomization.resources {
        let path = folder.join(resource);
        if path.is_dir() {
            manifests.extend(by_ourselves(&path));
        } else {
            manifests.extend(documents(&read(&path)));
        }
    }
    for component in &kustomization.components {
        render(&folder.join(component), manifests);
    }
    for patch in &kustomization.patches {
        apply(patch, manifests);
    }
    for manifest in manifests {
        for (name, value) in kustomization.labels.iter().flat_map(|labels| &labels.pairs) {
            manifest["metadata"]["labels"][name] = value.clone();
        }
        let containers = manifest.pointer_mut("/spec/template/spec/containers");
        for container in containers.and_then(Value::as_array_mut).into_iter().flatten() {
            kustomization.images.iter().for_each(|image| rename(image, &mut container["image"]));
        }
    }
}

fn apply(patch: &Patch, manifests: &mut [Value]) {
    let wanted = |manifest: &&mut Value| {
        manifest["kind"] == *patch.target.kind && manifest["metadata"]["name"] == *patch.target.name
    };
    let manifest = manifests.iter_mut().find(wanted).expect("the target of a patch");
    let changes: Vec<Replace> = one(&patch.patch);
    for change in changes {
        assert_eq!(change.op, "replace", "no other change is known here");
        *manifest.pointer_mut(&change.path).expect("the path of a change") = change.value;
    }
}

fn rename(image: &Image, value: &mut Value) {
    let name = value.as_str().expect("an image").split([':', '@']).next();
    if name == Some(image.name.as_str()) {
        *value = format!("{}:{}", image.new_name, image.new_tag).into();
    }
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// A document that must be alone.
fn one<T: DeserializeOwned>(text: &str) -> T {
    let mut documents = documents(text);
    let document = documents.pop().filter(|_| documents.is_empty()).expect("one document");
    serde_json::from_value(document).unwrap_or_else(|error| panic!("{error}:\n{text}"))
}

fn documents(text: &str) -> Vec<Value> {
    let documents = YamlLoader::load_from_str(text);
    let documents = documents.unwrap_or_else(|error| panic!("{error}:\n{text}"));
    documents.into_iter().map(json).collect()
}

/// The same in JSON; what JSON does not know is an error here.
fn json(yaml: Yaml) -> Value {
    match yaml {
        Yaml::String(text) => text.into(),
        Yaml::Integer(number) => number.into(),
        Yaml::Boolean(truth) => truth.into(),
        Yaml::Null => Value::Null,
        Yaml::Array(items) => items.into_iter().map(json).collect(),
        Yaml::Hash(items) => {
            let pair = |(name, value): (Yaml, Yaml)| {
                (name.into_string().expect("a name that is a text"), json(value))
            };
            Value::Object(items.into_iter().map(pair).collect())
        }
        other => panic!("not known here: {other:?}"),
    }
}
