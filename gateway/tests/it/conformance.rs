//! What servers of gRPC-Web must do, in the groups that the connectrpc conformance suite has, written anew: basic, errors, duplicate metadata,
//! deadlines, message size, unexpected requests; binary and text, over HTTP/1.1 and HTTP/2, and cut at every byte.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::Method;
use parkmesh_contracts::notification::v1::{
    ListNotificationsRequest, ListNotificationsResponse, WatchNotificationsResponse,
};
use parkmesh_platform::clock::Clock;
use parkmesh_platform::tasks::Tasks;

use crate::client::{Answer, Wire, framed, in_pieces, post, read_frames};
use crate::obedient::{obedient, two_messages};
use crate::world::{LIST, WATCH, World, cluster};

/// How a client speaks.
#[derive(Clone, Copy, Debug)]
struct Form {
    http2: bool,
    text: bool,
}

const FORMS: [Form; 4] = [
    Form { http2: false, text: false },
    Form { http2: false, text: true },
    Form { http2: true, text: false },
    Form { http2: true, text: true },
];

impl Form {
    fn content_type(self) -> &'static str {
        if self.text { "application/grpc-web-text+proto" } else { "application/grpc-web+proto" }
    }

    fn written(self, bytes: &[u8]) -> Vec<u8> {
        if self.text { STANDARD.encode(bytes).into_bytes() } else { bytes.to_vec() }
    }

    /// Text may be padded in the middle: every four letters stand for themselves.
    fn read(self, body: &[u8]) -> Vec<u8> {
        if !self.text {
            return body.to_vec();
        }
        body.chunks(4).flat_map(|four| STANDARD.decode(four).unwrap()).collect()
    }

    async fn wire(self, world: &World) -> Wire {
        if self.http2 { world.http2().await } else { world.http1().await }
    }
}

async fn world() -> World {
    let (service, _) = obedient(&Tasks::new(&Clock::system())).await;
    World::with(|config| config.clusters = vec![cluster("notification", &[service])]).await
}

/// One call to the obedient service.
struct Call<'c> {
    world: &'c World,
    form: Form,
    path: &'c str,
    told: &'c str,
    headers: Vec<(&'c str, &'c str)>,
}

impl<'c> Call<'c> {
    fn new(world: &'c World, form: Form, told: &'c str) -> Self {
        Self { world, form, path: LIST, told, headers: Vec::new() }
    }

    fn all_headers(&self) -> Vec<(&'c str, &'c str)> {
        let mut headers = self.world.headers(self.form.content_type());
        headers.push(("x-do", self.told));
        headers.extend(self.headers.iter().copied());
        headers
    }

    async fn ask(&self, message: &[u8]) -> Answer {
        let body = self.form.written(message);
        let mut wire = self.form.wire(self.world).await;
        wire.ask(post(self.path, &self.all_headers(), body)).await
    }
}

fn message(text: &str) -> Vec<u8> {
    framed(&ListNotificationsRequest { page_token: text.to_owned(), ..Default::default() })
}

/// The status and message of an answer, wherever they stand.
fn status(form: Form, answer: &Answer) -> (String, String) {
    assert_eq!(answer.status.as_u16(), 200, "{form:?}");
    assert_eq!(answer.header("content-type"), form.content_type(), "{form:?}");
    if answer.headers.contains_key("grpc-status") {
        assert!(answer.body.is_empty(), "{form:?}: a status in the headers, and a body");
        let text = |name: &str| answer.header(name).to_owned();
        return (text("grpc-status"), text("grpc-message"));
    }
    let (_, trailers) = read_frames::<ListNotificationsResponse>(&form.read(&answer.body));
    let text = |name: &str| {
        let line = trailers.lines().find_map(|line| line.strip_prefix(&format!("{name}: ")));
        line.unwrap_or_default().to_owned()
    };
    (text("grpc-status"), text("grpc-message"))
}

#[tokio::test]
async fn basic_and_message_size() {
    let world = world().await;
    for form in FORMS {
        for length in [0, 1, 2, 3, 1_000, 16_384, 65_535, 65_536, 1 << 20, 3 << 20] {
            let text = "x".repeat(length);
            let answer = Call::new(&world, form, "echo").ask(&message(&text)).await;
            let frames = read_frames::<ListNotificationsResponse>(&form.read(&answer.body));
            let (messages, trailers) = frames;
            assert_eq!(messages.len(), 1, "{form:?} {length}");
            assert!(messages[0].next_page_token == text, "{form:?} {length}");
            assert!(trailers.contains("grpc-status: 0\r\n"), "{form:?} {trailers}");
            assert_eq!(answer.header("x-first"), "a");
        }
        let answer = Call::new(&world, form, "echo").ask(&message(&"x".repeat(5 << 20))).await;
        assert_eq!(status(form, &answer).0, "8", "{form:?}: over the limit");
    }
}

#[tokio::test]
async fn every_code_arrives_with_its_message() {
    let world = world().await;
    for form in FORMS {
        for code in 1..=16 {
            let told = format!("code:{code}");
            let answer = Call::new(&world, form, &told).ask(&message("")).await;
            let (found, said) = status(form, &answer);
            assert_eq!(found, code.to_string(), "{form:?}");
            assert_eq!(said.replace("%20", " ").replace("%25", "%"), format!("code {code}, 100 %"));
        }
        let answer = Call::new(&world, form, "trailers-only").ask(&message("")).await;
        assert_eq!(status(form, &answer), ("5".to_owned(), "nothing".to_owned()), "{form:?}");
    }
}

#[tokio::test]
async fn duplicate_metadata_stays_in_its_order() {
    let world = world().await;
    for form in FORMS {
        let mut call = Call::new(&world, form, "echo");
        call.headers = vec![("x-many", "first"), ("x-many", "second"), ("x-data-bin", "AAH+/w")];
        let answer = call.ask(&message("")).await;
        let many = answer.headers.get_all("x-many").iter().map(|value| value.to_str().unwrap());
        assert_eq!(many.collect::<Vec<_>>(), ["first", "second"], "{form:?}");
        assert_eq!(answer.header("x-data-bin"), "AAH+/w");
        let (_, trailers) = read_frames::<ListNotificationsResponse>(&form.read(&answer.body));
        let many: Vec<_> = trailers.lines().filter(|line| line.starts_with("x-many")).collect();
        assert_eq!(many, ["x-many: first", "x-many: second"], "{form:?}");
        assert!(trailers.contains("x-last-bin: AAH+/w\r\n"), "{trailers}");
    }
}

#[tokio::test]
async fn a_deadline_ends_the_call() {
    let world = world().await;
    for form in FORMS {
        let mut call = Call::new(&world, form, "hang");
        call.headers = vec![("grpc-timeout", "200m")];
        assert_eq!(status(form, &call.ask(&message("")).await).0, "4", "{form:?}");
        let mut call = Call::new(&world, form, "endless");
        (call.path, call.headers) = (WATCH, vec![("grpc-timeout", "300m")]);
        let answer = call.ask(&message("")).await;
        let frames = read_frames::<WatchNotificationsResponse>(&form.read(&answer.body));
        assert_eq!(frames.0.len(), 1, "{form:?}");
        assert!(frames.1.contains("grpc-status: 4\r\n"), "{form:?} {}", frames.1);
    }
}

#[tokio::test]
async fn unexpected_requests_are_told_what_is_wrong() {
    let world = world().await;
    for form in FORMS {
        let mut with_trailers = vec![0x80];
        with_trailers.extend_from_slice(&[0, 0, 0, 0]);
        let whole = message("abc");
        let broken: [&[u8]; 5] = [
            b"",
            b"\0",
            &whole[..whole.len() - 1],
            &[&whole[..], b"\0\0"].concat(),
            &with_trailers,
        ];
        for body in broken {
            let answer = Call::new(&world, form, "echo").ask(body).await;
            assert_eq!(status(form, &answer).0, "3", "{form:?} {body:?}");
        }
        if form.text {
            let call = Call::new(&world, form, "echo");
            let request = post(LIST, &call.all_headers(), "no base64!");
            let answer = form.wire(&world).await.ask(request).await;
            assert_eq!(status(form, &answer).0, "3", "{form:?}");
        }
        let mut call = Call::new(&world, form, "echo");
        call.path = "/parkmesh.notification.v1.NotificationService/Nothing";
        assert_eq!(status(form, &call.ask(&message("")).await).0, "12", "{form:?}");
        let call = Call::new(&world, form, "echo");
        let mut wire = form.wire(&world).await;
        for method in [Method::GET, Method::PUT, Method::DELETE] {
            let mut request = post(LIST, &call.all_headers(), "");
            *request.method_mut() = method.clone();
            assert_eq!(wire.ask(request).await.status.as_u16(), 405, "{form:?} {method}");
        }
        for other in ["application/json", "application/grpc-web+json", "text/plain", ""] {
            let request = post(LIST, &world.headers(other), message(""));
            assert_eq!(wire.ask(request).await.status.as_u16(), 415, "{form:?} {other}");
        }
    }
}

#[tokio::test]
async fn bodies_cut_at_every_byte_mean_the_same() {
    let world = world().await;
    for form in FORMS {
        let call = Call::new(&world, form, "echo");
        let body = form.written(&message("cut me anywhere"));
        let mut wire = form.wire(&world).await;
        for at in 0..=body.len() {
            let mut request = post(LIST, &call.all_headers(), "");
            *request.body_mut() = in_pieces(vec![body[..at].to_vec(), body[at..].to_vec()]);
            let answer = wire.ask(request).await;
            let frames = read_frames::<ListNotificationsResponse>(&form.read(&answer.body));
            assert_eq!(frames.0[0].next_page_token, "cut me anywhere", "{form:?} {at}");
        }
        for at in 0..=two_messages().len() {
            let told = format!("split:{at}");
            let mut call = Call::new(&world, form, &told);
            call.path = WATCH;
            let request = post(WATCH, &call.all_headers(), form.written(&message("")));
            let answer = wire.ask(request).await;
            let frames = read_frames::<WatchNotificationsResponse>(&form.read(&answer.body));
            let numbers = frames.0.iter().filter_map(|one| one.notification.as_ref());
            let numbers: Vec<i64> = numbers.map(|one| one.sequence).collect();
            assert_eq!(numbers, [1, 2], "{form:?} {at}");
        }
    }
}
