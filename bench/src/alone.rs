//! A service of one method, as a server takes it: whatever is called, that method answers.

use std::convert::Infallible;
use std::marker::PhantomData;
use std::task::{Context, Poll};

use prost::Message;
use tonic::body::Body;
use tonic::codegen::BoxFuture;
use tonic::server::{Grpc, NamedService, UnaryService};
use tonic_prost::ProstCodec;

/// The method, and what it is asked.
#[derive(Clone)]
pub struct Alone<U, Q>(U, PhantomData<fn(Q)>);

impl<U, Q> Alone<U, Q> {
    /// A service of this method.
    pub fn of(method: U) -> Self {
        Self(method, PhantomData)
    }
}

impl<U: NamedService, Q> NamedService for Alone<U, Q> {
    const NAME: &'static str = U::NAME;
}

impl<U, Q> tower::Service<http::Request<Body>> for Alone<U, Q>
where
    U: UnaryService<Q, Future: Send, Response: Message> + Clone + Send + 'static,
    Q: Message + Default + 'static,
{
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<Self::Response, Infallible>;

    fn poll_ready(&mut self, _context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let method = self.0.clone();
        Box::pin(async move {
            let codec = ProstCodec::<U::Response, Q>::default();
            Ok(Grpc::new(codec).unary(method, request).await)
        })
    }
}
