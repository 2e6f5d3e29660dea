//! What orchestrators and Prometheus ask: `GET /health` and `GET /metrics`, without a signature.

use bytes::Bytes;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::{Method, Response, StatusCode};
use runtime::{Meters, Tasks};
use serde_json::json;
use tokio::time::Instant;

use crate::http::Answered;

const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Tells how the node is.
pub(crate) struct Health {
    started: Instant,
    tasks: Tasks,
    meters: Meters,
}

impl Health {
    pub(crate) fn new(tasks: Tasks, meters: Meters) -> Self {
        Self { started: Instant::now(), tasks, meters }
    }

    /// The answer, if that is what is asked.
    pub(crate) fn answer(&self, method: &Method, path: &str) -> Option<Answered> {
        match (method, path) {
            (&Method::GET, "/health") => Some(self.health()),
            (&Method::GET, "/metrics") => {
                Some(answer(StatusCode::OK, OPEN_METRICS, self.meters.render()))
            }
            _ => None,
        }
    }

    /// A node that stops, for whatever reason, must get no new requests.
    fn health(&self) -> Answered {
        let stopping = self.tasks.stopping().is_cancelled();
        let status = if stopping { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::OK };
        let text = json!({
            "status": if stopping { "stopping" } else { "ok" },
            "reason": self.tasks.stop_reason(),
            "version": env!("CARGO_PKG_VERSION"),
            "uptime_seconds": self.started.elapsed().as_secs(),
        });
        answer(status, "application/json", text.to_string())
    }
}

fn answer(status: StatusCode, content_type: &'static str, text: String) -> Answered {
    let mut answer = Response::new(Bytes::from(text).into());
    *answer.status_mut() = status;
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    answer
}
