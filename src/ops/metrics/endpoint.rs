//! How do Prometheus and a load balancer read the metrics and the health over HTTP?
//!
//! `GET /metrics` and `GET /health`; anything else is not found. Every connection is bounded: one request, 5 seconds, 8 KiB
//! of header, no body read, 16 at a time.

use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};

use super::exposition;
use crate::ops::control::Service;
use crate::ops::crowd;

/// Connections at a time; more are closed at once.
const CONNECTIONS: usize = 16;

/// A connection lives at most so long, however slowly it is written or read.
const TIME: Duration = Duration::from_secs(5);

/// Octets of request line and header (hyper's least).
const HEADER: usize = 8 * 1024;

/// Header fields.
const FIELDS: usize = 32;

/// Why the page cannot be served.
#[derive(Debug, thiserror::Error)]
#[error("metrics: cannot listen on {address}: {error}; change metrics.listen or free the port")]
pub struct PageError {
    address: SocketAddr,
    error: io::Error,
}

/// The bound metrics page.
#[derive(Debug)]
pub struct MetricsPage {
    listener: TcpListener,
    address: SocketAddr,
}

impl MetricsPage {
    /// Binds the page. Must be called within a tokio runtime.
    ///
    /// # Errors
    /// The operating system's refusal: the port is taken, or the address is not ours.
    pub fn bind(address: SocketAddr) -> Result<Self, PageError> {
        let bound = || {
            let listener = std::net::TcpListener::bind(address)?;
            listener.set_nonblocking(true)?;
            let listener = TcpListener::from_std(listener)?;
            let address = listener.local_addr()?;
            Ok(Self { listener, address })
        };
        bound().map_err(|error| PageError { address, error })
    }

    /// Where it listens; the port is a real one even if 0 was asked for.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves until `stop` is done; then open connections are dropped.
    pub async fn serve(self, service: Arc<dyn Service>, stop: impl Future<Output = ()> + Send) {
        let service = service.as_ref();
        let accept = async || self.listener.accept().await.map(|(stream, _)| stream);
        let close_at_once = |_: &TcpStream| {};
        let converse = |stream| converse(stream, service);
        crowd::serve(CONNECTIONS, stop, accept, close_at_once, converse).await;
    }
}

async fn converse(stream: TcpStream, service: &dyn Service) {
    let connection = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(TIME)
        .max_buf_size(HEADER)
        .max_headers(FIELDS)
        .keep_alive(false)
        .serve_connection(
            TokioIo::new(stream),
            service_fn(|request| async move { Ok::<_, Infallible>(answer(&request, service)) }),
        );
    // Whatever went wrong with this connection is the scraper's to notice.
    let _ = tokio::time::timeout(TIME, connection).await;
}

fn answer(request: &Request<Incoming>, service: &dyn Service) -> Response<Full<Bytes>> {
    match (request.method(), request.uri().path()) {
        (&Method::GET, "/metrics") => page(
            StatusCode::OK,
            exposition::CONTENT_TYPE,
            exposition::render(&service.stats()),
        ),
        (&Method::GET, "/health") => {
            let state = service.status().state;
            let code = match state.as_str() {
                "serving" => StatusCode::OK,
                _ => StatusCode::SERVICE_UNAVAILABLE,
            };
            page(code, "text/plain; charset=utf-8", state + "\n")
        }
        _ => page(
            StatusCode::NOT_FOUND,
            "text/plain; charset=utf-8",
            "not found; there are /metrics and /health\n".to_owned(),
        ),
    }
}

fn page(code: StatusCode, content_type: &'static str, text: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(text)));
    *response.status_mut() = code;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
