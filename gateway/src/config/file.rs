//! The settings in a file, over those of the environment: what it does not mention stays.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::fields::{Fields, Mistakes};
use super::yaml::{self, Mistake};
use super::{Config, cluster, cors_mistake, listener, rate, route};

/// Largest file that is read, in bytes.
const FILE_BYTES_MAX: u64 = 1024 * 1024;

/// The file is not usable.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// It cannot be read.
    #[error("{path} is not readable")]
    Unreadable {
        /// Which.
        path: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// It says something that makes no sense.
    #[error("{}", told(.path, .mistakes))]
    Wrong {
        /// Which.
        path: String,
        /// Everything that is wrong.
        mistakes: Vec<Mistake>,
    },
}

fn told(path: &str, mistakes: &[Mistake]) -> String {
    let lines = mistakes.iter().map(|mistake| format!("{path}:{}: {}", mistake.line, mistake.what));
    lines.collect::<Vec<_>>().join("\n")
}

/// The text of a file.
///
/// # Errors
/// When it cannot be read, or is longer than anybody would write.
pub fn text(path: &Path) -> Result<String, FileError> {
    let read = || {
        if std::fs::metadata(path)?.len() > FILE_BYTES_MAX {
            return Err(std::io::Error::other(format!("it is longer than {FILE_BYTES_MAX} bytes")));
        }
        std::fs::read_to_string(path)
    };
    read().map_err(|source| FileError::Unreadable { path: path.display().to_string(), source })
}

/// The settings that `text` says, over `base`.
///
/// # Errors
/// Everything that is wrong with it, each with its line.
pub fn apply(base: &Config, path: &Path, text: &str) -> Result<Config, FileError> {
    let wrong = |mistakes| FileError::Wrong { path: path.display().to_string(), mistakes };
    let root = yaml::read(text).map_err(|mistake| wrong(vec![mistake]))?;
    let mistakes = Mistakes::default();
    let config = read(base, Fields::of(&root, "", &mistakes), &mistakes);
    let found = mistakes.into_inner();
    if found.is_empty() { Ok(config) } else { Err(wrong(found)) }
}

fn read(base: &Config, mut fields: Fields<'_>, mistakes: &Mistakes) -> Config {
    let mut config = base.clone();
    admin(&mut fields, &mut config);
    if let Some((_, path)) = fields.map("access_log").and_then(|mut log| log.require("path")) {
        config.access_log = Some(path.into());
    }
    config.listeners = listener::read(&mut fields);
    clusters(&mut fields, &mut config);
    routes(&mut fields, &mut config, mistakes);
    config.rate_limits = rate::read(&mut fields, config.redis.is_some());
    static_files(&mut fields, &mut config);
    cors(&mut fields, &mut config);
    limits(&mut fields, &mut config);
    config
}

fn admin(fields: &mut Fields<'_>, config: &mut Config) {
    let Some(mut admin) = fields.map("admin") else { return };
    match cluster::socket_address(&mut admin).map(|told| (told.ip(), told.port)) {
        Some((Some(ip), port)) => config.admin = Some((ip, port).into()),
        Some((None, _)) => admin.wrong("a listener's address is an IP address"),
        None => {}
    }
}

/// By name, in the place of those of the environment.
fn clusters(fields: &mut Fields<'_>, config: &mut Config) {
    let mut names = BTreeSet::new();
    for one in fields.maps("clusters") {
        let line = one.line;
        let Some(read) = cluster::read(one, config.mtls.as_ref()) else { continue };
        if !names.insert(read.name.clone()) {
            fields.wrong_at(line, "clusters", &format!("{} stands here twice", read.name));
        }
        config.clusters.retain(|known| known.name != read.name);
        config.clusters.push(read);
    }
}

/// All of them, when there are any: which one counts depends on their order.
fn routes(fields: &mut Fields<'_>, config: &mut Config, mistakes: &Mistakes) {
    if fields.find("routes").is_none() {
        return;
    }
    config.routes.clear();
    for one in fields.maps("routes") {
        let Some((read, line)) = route::read(one) else { continue };
        if !config.clusters.iter().any(|cluster| cluster.name == read.cluster) {
            mistakes.add(line, format!("there is no cluster {}", read.cluster));
        }
        config.routes.push(read);
    }
    let routed = |path: &str| config.routes.iter().any(|route| path.starts_with(&route.prefix));
    let open = config.methods.iter().filter(|method| !method.scopes.is_empty());
    let lost: BTreeSet<_> =
        open.filter(|method| !routed(method.path)).map(|method| method.service).collect();
    if !lost.is_empty() {
        tracing::warn!(?lost, "no route leads to these services");
    }
}

/// Envoy has no such thing; of ours.
fn static_files(fields: &mut Fields<'_>, config: &mut Config) {
    let Some(mut files) = fields.map("static_files") else { return };
    let Some((line, directory)) = files.require("directory") else { return };
    let directory = PathBuf::from(directory);
    if !directory.join("index.html").is_file() {
        files.wrong_at(line, "directory", &format!("{} holds no index.html", directory.display()));
    }
    config.static_files = Some(directory);
}

/// As Envoy's filter says it.
fn cors(fields: &mut Fields<'_>, config: &mut Config) {
    let Some(mut cors) = fields.map("cors") else { return };
    config.cors.origins.clear();
    for mut origin in cors.maps("allow_origin_string_match") {
        let Some((line, exact)) = origin.require("exact") else { continue };
        if let Some(mistake) = cors_mistake(exact) {
            origin.wrong_at(line, "exact", &mistake);
        }
        config.cors.origins.push(exact.to_owned());
    }
    for (field, names) in
        [("allow_headers", &mut config.cors.allow), ("expose_headers", &mut config.cors.expose)]
    {
        let Some((_, told)) = cors.text(field) else { continue };
        let told = told.split(',').map(|name| name.trim().to_owned());
        *names = told.filter(|name| !name.is_empty()).collect();
    }
}

/// What belongs to no single route.
fn limits(fields: &mut Fields<'_>, config: &mut Config) {
    let Some(mut limits) = fields.map("limits") else { return };
    limits.number("max_request_bytes", &mut config.request_bytes_max);
    limits.number("max_response_message_bytes", &mut config.answer_bytes_max);
    limits.duration("request_timeout", &mut config.request_wait);
    limits.duration("first_request_timeout", &mut config.first_request_wait);
    limits.duration("stream_flush_timeout", &mut config.flush_wait);
    limits.duration("stream_idle_timeout", &mut config.stream_idle);
    limits.duration("max_stream_duration", &mut config.serve.stream_life_max);
}

#[cfg(test)]
mod tests {
    use super::super::default_routes;
    use super::*;
    use crate::cluster::{ClusterConfig, RetryPolicy};

    #[test]
    fn the_example_says_the_defaults_and_routes_everything() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("gateway.yaml");
        let base = Config::default();
        let config = apply(&base, &path, &text(&path).expect("the example")).expect("no mistake");
        for cluster in &config.clusters {
            let plain = ClusterConfig::new(cluster.name.clone(), cluster.endpoints.clone());
            assert_eq!(*cluster, plain);
        }
        assert!(config.routes.iter().all(|route| route.retry == RetryPolicy::default()));
        for wanted in default_routes() {
            let found = config.routes.iter().find(|route| wanted.prefix.starts_with(&route.prefix));
            assert_eq!(found.map(|route| &route.cluster), Some(&wanted.cluster), "{wanted:?}");
        }
        let limits = |config: &Config| {
            (
                (config.request_bytes_max, config.answer_bytes_max, config.request_wait),
                (config.first_request_wait, config.serve.stream_life_max),
                (config.flush_wait, config.stream_idle),
            )
        };
        assert_eq!(limits(&config), limits(&base));
    }

    #[test]
    fn what_the_file_does_not_mention_stays() {
        let address = crate::cluster::Address { host: "booking".to_owned(), port: 1 };
        let clusters = vec![ClusterConfig::new("booking", vec![address])];
        let base = Config { clusters, ..Config::default() };
        let config =
            apply(&base, Path::new("x"), "limits: { max_request_bytes: 7 }").expect("good");
        assert_eq!(config.clusters, base.clusters);
        assert_eq!(config.routes, base.routes);
        assert_eq!(config.request_bytes_max, 7);
    }
}
