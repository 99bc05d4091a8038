//! A server of keys, by https, with a certificate of its own.

use std::convert::Infallible;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use parkmesh_platform::auth::{AuthConfig, KeySource};
use parkmesh_platform::tasks::Tasks;
use parkmesh_testkit::listener;
use rustls::pki_types::PrivatePkcs8KeyDer;
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio_rustls::TlsAcceptor;

/// What it does when it is asked.
#[derive(Clone)]
pub enum Answer {
    /// With this JWK set.
    Set(String),
    /// It is somewhere else: `Location`.
    Moved(String),
    /// With an error of its own.
    Error,
    /// It is down: whoever connects is cut off.
    Down,
    /// With this set, once [`KeyServer::go`] is called.
    Held(String),
}

pub struct KeyServer {
    pub url: String,
    /// What vouches for it.
    pub authority: PathBuf,
    inner: Arc<Inner>,
}

struct Inner {
    answer: Mutex<Answer>,
    asked: AtomicUsize,
    held: Semaphore,
}

impl KeyServer {
    pub async fn start(first: Answer, tasks: &Tasks) -> Self {
        let made = rcgen::generate_simple_self_signed(vec!["127.0.0.1".to_owned()]).unwrap();
        let key = PrivatePkcs8KeyDer::from(made.signing_key.serialize_der());
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![made.cert.der().clone()], key.into())
            .unwrap();
        let listener = listener().await;
        let port = listener.local_addr().unwrap().port();
        let authority = std::env::temp_dir().join(format!("parkmesh-keys-{port}.pem"));
        std::fs::write(&authority, made.cert.pem()).unwrap();
        let inner = Arc::new(Inner {
            answer: Mutex::new(first),
            asked: AtomicUsize::new(0),
            held: Semaphore::new(0),
        });
        let (acceptor, shared, own) =
            (TlsAcceptor::from(Arc::new(config)), Arc::clone(&inner), tasks.clone());
        tasks.spawn("keys", async move {
            while let Ok((socket, _)) = listener.accept().await {
                own.spawn("keys-one", serve(socket, acceptor.clone(), Arc::clone(&shared)));
            }
        });
        Self { url: format!("https://127.0.0.1:{port}/keys"), authority, inner }
    }

    pub fn now(&self, answer: Answer) {
        *self.inner.answer.lock().unwrap() = answer;
    }

    pub fn go(&self) {
        self.inner.held.add_permits(1);
    }

    /// How often somebody came.
    pub fn asked(&self) -> usize {
        self.inner.asked.load(Ordering::SeqCst)
    }

    pub fn config(&self) -> AuthConfig {
        self.config_trusting(Some(self.authority.clone()))
    }

    pub fn config_trusting(&self, authority: Option<PathBuf>) -> AuthConfig {
        super::config(KeySource::Url { url: self.url.clone(), authority })
    }
}

impl Drop for KeyServer {
    fn drop(&mut self) {
        drop(std::fs::remove_file(&self.authority));
    }
}

async fn serve(socket: TcpStream, acceptor: TlsAcceptor, inner: Arc<Inner>) {
    inner.asked.fetch_add(1, Ordering::SeqCst);
    let answer = inner.answer.lock().unwrap().clone();
    if matches!(answer, Answer::Down) {
        return;
    }
    let Ok(stream) = acceptor.accept(socket).await else { return };
    let service = service_fn(|_request: http::Request<Incoming>| {
        let (answer, inner) = (answer.clone(), Arc::clone(&inner));
        async move { Ok::<_, Infallible>(respond(answer, &inner).await) }
    });
    let connection = hyper::server::conn::http1::Builder::new();
    drop(connection.serve_connection(TokioIo::new(stream), service).await);
}

async fn respond(answer: Answer, inner: &Inner) -> http::Response<Full<Bytes>> {
    let response = http::Response::builder();
    let made = match answer {
        Answer::Set(set) => response.body(Full::from(set)),
        Answer::Held(set) => {
            inner.held.acquire().await.unwrap().forget();
            response.body(Full::from(set))
        }
        Answer::Moved(to) => response.status(302).header("location", to).body(Full::default()),
        Answer::Error | Answer::Down => response.status(503).body(Full::from("later")),
    };
    made.unwrap()
}
