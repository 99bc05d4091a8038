//! The web app's files at the gateway.

use std::path::PathBuf;

use http::Method;
use parkmesh_testkit::eventually;

use crate::client::{Answer, post};
use crate::world::{ORIGIN, World};

/// A folder of a test's own, gone with it.
struct Dist(PathBuf);

impl Dist {
    fn new(name: &str) -> Self {
        let folder =
            std::env::temp_dir().join(format!("parkmesh-dist-{name}-{}", std::process::id()));
        std::fs::create_dir_all(folder.join("assets")).unwrap();
        let dist = Self(folder);
        dist.write("index.html", b"<!doctype html><title>first</title>");
        dist.write("assets/index-BxQ3a91c.js", "let spots = 1;\n".repeat(500).as_bytes());
        dist.write("favicon.ico", b"icon");
        dist
    }

    fn write(&self, name: &str, bytes: &[u8]) {
        std::fs::write(self.0.join(name), bytes).unwrap();
    }

    async fn world(&self) -> World {
        World::with(|config| config.static_files = Some(self.0.clone())).await
    }
}

impl Drop for Dist {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.0));
    }
}

async fn get(world: &World, path: &str, headers: &[(&str, &str)]) -> Answer {
    ask(world, Method::GET, path, headers).await
}

async fn ask(world: &World, method: Method, path: &str, headers: &[(&str, &str)]) -> Answer {
    let mut request = post(path, headers, "");
    *request.method_mut() = method;
    world.http1().await.ask(request).await
}

const SCRIPT: &str = "/assets/index-BxQ3a91c.js";

#[tokio::test]
async fn the_page_is_asked_for_anew_and_what_has_a_hash_in_its_name_is_kept_for_ever() {
    let dist = Dist::new("kept");
    let world = dist.world().await;
    let page = get(&world, "/", &[]).await;
    assert_eq!(page.status.as_u16(), 200);
    assert_eq!(page.header("content-type"), "text/html; charset=utf-8");
    assert_eq!(page.header("cache-control"), "no-cache");
    assert_eq!(&page.body[..], b"<!doctype html><title>first</title>");
    let script = get(&world, SCRIPT, &[]).await;
    assert_eq!(script.header("content-type"), "text/javascript; charset=utf-8");
    assert_eq!(script.header("cache-control"), "public, max-age=31536000, immutable");
    for answer in [&page, &script] {
        let again = get(&world, "/", &[("if-none-match", page.header("etag"))]).await;
        assert_eq!((again.status.as_u16(), again.body.len()), (304, 0));
        let other = get(&world, "/", &[("if-none-match", script.header("etag"))]).await;
        assert_eq!(other.status.as_u16(), 200);
        let policy = answer.header("content-security-policy");
        for part in ["default-src 'none'", "script-src 'self'", "frame-ancestors 'none'"] {
            assert!(policy.split("; ").any(|one| one == part), "{part} in {policy}");
        }
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
        assert_eq!(answer.header("referrer-policy"), "no-referrer");
        assert!(answer.header("permissions-policy").contains("camera=()"));
    }
}

#[tokio::test]
async fn a_client_gets_the_shortest_form_that_it_reads() {
    let dist = Dist::new("short");
    dist.write("assets/app.css", &b"a { color: red }\n".repeat(200));
    dist.write("assets/app.css.br", b"as if it were brotli");
    let world = dist.world().await;
    let plain = get(&world, SCRIPT, &[]).await;
    let zipped = get(&world, SCRIPT, &[("accept-encoding", "gzip, br")]).await;
    assert_eq!((plain.header("content-encoding"), zipped.header("content-encoding")), ("", "gzip"));
    assert_ne!(plain.header("etag"), zipped.header("etag"));
    let mut read = Vec::new();
    std::io::Read::read_to_end(&mut flate2::read::GzDecoder::new(&zipped.body[..]), &mut read)
        .unwrap();
    assert_eq!(read, plain.body);
    assert!(zipped.body.len() < plain.body.len());
    let built = get(&world, "/assets/app.css", &[("accept-encoding", "gzip, br")]).await;
    assert_eq!(
        (built.header("content-encoding"), &built.body[..]),
        ("br", &b"as if it were brotli"[..])
    );
    let icon = get(&world, "/favicon.ico", &[("accept-encoding", "gzip")]).await;
    assert_eq!((icon.header("content-encoding"), &icon.body[..]), ("", &b"icon"[..]));
    for answer in [plain, zipped, built, icon] {
        assert_eq!(answer.headers.get_all("vary").iter().next().unwrap(), "Accept-Encoding");
    }
    assert_eq!(get(&world, "/assets/app.css.br", &[]).await.status.as_u16(), 404);
}

#[tokio::test]
async fn paths_of_pages_begin_with_the_same_file_and_other_paths_stay_what_they_are() {
    let dist = Dist::new("paths");
    let world = dist.world().await;
    for page in ["/lots", "/lots/0190/spots?level=2", "/index.html"] {
        let answer = get(&world, page, &[("origin", ORIGIN)]).await;
        assert_eq!(
            (answer.status.as_u16(), answer.header("content-type")),
            (200, "text/html; charset=utf-8")
        );
    }
    let gone = ["/assets/index-0ld.js", "/gone.png", "/assets/gone"];
    let calls = ["/parkmesh.booking.v1.BookingService/HoldSpot", "/grpc.health.v1.Health/Check"];
    let out = [
        "/../Cargo.toml",
        "/assets/../../Cargo.toml",
        "/%2e%2e/Cargo.toml",
        "/..%2fCargo.toml",
        "//etc/hosts.x",
    ];
    for path in gone.into_iter().chain(calls).chain(out) {
        let answer = get(&world, path, &[]).await;
        assert_eq!(
            (answer.status.as_u16(), &answer.body[..]),
            (404, &b"nothing here\n"[..]),
            "{path}"
        );
    }
    assert_eq!(&get(&world, "/livez", &[]).await.body[..], b"alive\n");
    let head = ask(&world, Method::HEAD, "/", &[]).await;
    assert_eq!((head.header("content-length"), head.body.len()), ("35", 0));
    let mut request = post("/", &[], "");
    *request.method_mut() = Method::HEAD;
    let head = world.http2().await.ask(request).await;
    assert_eq!((head.header("content-length"), head.body.len()), ("35", 0));
    for method in [Method::POST, Method::PUT, Method::DELETE] {
        let answer = ask(&world, method, "/", &[]).await;
        assert_eq!((answer.status.as_u16(), answer.header("allow")), (405, "GET, HEAD"));
    }
}

#[tokio::test]
async fn a_link_out_of_the_folder_leads_nowhere_and_hidden_files_stay_hidden() {
    let dist = Dist::new("links");
    let secret = std::env::temp_dir().join(format!("parkmesh-secret-{}.txt", std::process::id()));
    std::fs::write(&secret, "secret").unwrap();
    std::os::unix::fs::symlink(&secret, dist.0.join("link.txt")).unwrap();
    dist.write(".env", b"secret");
    let world = dist.world().await;
    for path in ["/link.txt", "/.env"] {
        assert_eq!(get(&world, path, &[]).await.status.as_u16(), 404, "{path}");
    }
    std::fs::remove_file(secret).unwrap();
}

#[tokio::test]
async fn a_new_build_is_seen_and_a_broken_one_changes_nothing() {
    let dist = Dist::new("new");
    let world = dist.world().await;
    std::fs::remove_file(dist.0.join("index.html")).unwrap();
    dist.write("other.txt", b"half a build");
    // Longer than two looks: only the passing of time can show that nothing happens.
    let later = tokio::time::Instant::now() + std::time::Duration::from_secs(5);
    tokio::time::sleep_until(later).await;
    assert!(get(&world, "/", &[]).await.body.ends_with(b"<title>first</title>"));
    assert_eq!(get(&world, "/other.txt", &[]).await.status.as_u16(), 404);
    dist.write("index.html", b"<!doctype html><title>second</title>");
    eventually("the new page", || async {
        get(&world, "/", &[]).await.body.ends_with(b"<title>second</title>").then_some(())
    })
    .await;
    assert_eq!(&get(&world, "/other.txt", &[]).await.body[..], b"half a build");
}

#[tokio::test]
async fn without_a_folder_there_are_no_pages() {
    let world = World::new().await;
    assert_eq!(get(&world, "/", &[]).await.status.as_u16(), 404);
}
