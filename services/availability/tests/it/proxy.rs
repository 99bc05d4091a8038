//! A way to a server that a test can cut.

use std::net::SocketAddr;

use parkmesh_platform::tasks::Tasks;
use parkmesh_testkit::listener;
use tokio::io::copy_bidirectional;
use tokio::net::TcpStream;
use tokio::sync::watch;

pub struct Proxy {
    pub addr: SocketAddr,
    open: watch::Sender<bool>,
}

impl Proxy {
    /// A way to `host:port`.
    pub async fn to(target: &str, tasks: &Tasks) -> Self {
        let listener = listener().await;
        let addr = listener.local_addr().expect("an address");
        let (open, seen) = watch::channel(true);
        let (target, own_tasks) = (target.to_owned(), tasks.clone());
        tasks.spawn("proxy", async move {
            while let Ok((mut client, _)) = listener.accept().await {
                let (target, mut seen) = (target.clone(), seen.clone());
                own_tasks.spawn("proxied", async move {
                    if !*seen.borrow() {
                        return;
                    }
                    let Ok(mut server) = TcpStream::connect(&target).await else { return };
                    tokio::select! {
                        _ = copy_bidirectional(&mut client, &mut server) => {}
                        _ = seen.wait_for(|open| !open) => {}
                    }
                });
            }
        });
        Self { addr, open }
    }

    /// Cuts every connection and takes no new one.
    pub fn cut(&self) {
        self.open.send_replace(false);
    }

    pub fn mend(&self) {
        self.open.send_replace(true);
    }
}
