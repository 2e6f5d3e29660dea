//! The one way of a request, in an order that never changes: id, health, body within its limits,
//! envelope, signature, decoding, handler, answer.
//!
//! Every request has one id and one answer, whatever happens to it: a handler that panics
//! answers `InternalFailure` and is counted.

use std::any::Any;
use std::borrow::Cow;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::FutureExt;
use hyper::body::Incoming;
use hyper::header::{HeaderName, HeaderValue};
use hyper::http::Version;
use hyper::http::request::Parts;
use hyper::{Request, Response, StatusCode};
use runtime::{Clock, Entropy};
use tokio::time::Instant;
use tracing::Instrument;
use wire::codec::Pieces;
use wire::envelope::{self, Accepted};
use wire::{
    AdminHandlers, ApiError, Authority, Caller, Encoding, ErrorCode, Events, Guard, Handlers,
    HttpRequest, Operation, Reply, Services, dispatch, sigv4, sts,
};

use crate::access::{Access, Admitted};
use crate::audit::{Asked, Audit, Call, Refused as Told};
use crate::health::Health;
use crate::http::{Answer, AnswerBody, Answered, Bodies, Body, CutShort, Peer, Refused};
use crate::metrics::Metrics;
use crate::sts::Sts;

/// Takes requests apart and puts answers together around `services`.
pub(crate) struct Gateway<G, K, W> {
    pub(crate) services: Services<G, K, W>,
    pub(crate) sts: Sts,
    pub(crate) access: Access,
    pub(crate) audit: Option<Audit>,
    pub(crate) bodies: Bodies,
    pub(crate) health: Health,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) entropy: Arc<dyn Entropy>,
    pub(crate) metrics: Metrics,
}

/// A body that comes by and by.
enum Later {
    Pieces(Pieces),
    Events(Events),
}

/// The answer to a request, before the headers that every answer has.
struct Outcome {
    operation: Option<Operation>,
    response: envelope::Response,
    /// The body, if it comes by and by.
    later: Option<Later>,
    cut_short: bool,
}

impl<G, K, W> Answer for Gateway<G, K, W>
where
    G: Guard + 'static,
    K: Handlers + 'static,
    W: AdminHandlers + 'static,
{
    async fn answer(&self, request: Request<Incoming>) -> Answered {
        let received = Instant::now();
        let (head, body) = request.into_parts();
        if let Some(answer) = self.health.answer(&head.method, head.uri.path()) {
            return answer;
        }
        let ids = Ids::new(&*self.entropy);
        let request_id = &*ids.request_id;
        let span = tracing::info_span!("request", request_id, operation = tracing::field::Empty);
        let request = http_request(&head);
        let peer = head.extensions.get::<Arc<Peer>>().expect("every request has a connection");
        let handled = AssertUnwindSafe(self.handle(&request, peer, body, &ids)).catch_unwind();
        let mut outcome = handled
            .map(|handled| handled.unwrap_or_else(|panic| self.panicked(&request, &*panic)))
            .instrument(span)
            .await;
        outcome.response.complete(&request, ids.request_id, &ids.extended);
        let (operation, status) = (outcome.operation, outcome.response.status);
        self.metrics.answered(operation, status, received.elapsed());
        let body = match outcome.later.take() {
            Some(Later::Events(events)) => AnswerBody::streamed(self.metrics.streamed(events)),
            Some(Later::Pieces(pieces)) => {
                self.metrics.sent_bytes.inc_by(pieces.left());
                pieces.into()
            }
            None => {
                self.metrics.sent_bytes.inc_by(outcome.response.body.len() as u64);
                std::mem::take(&mut outcome.response.body).into()
            }
        };
        outcome.into_answer(body)
    }
}

impl<G: Guard, K: Handlers, W: AdminHandlers> Gateway<G, K, W> {
    async fn handle(
        &self,
        request: &HttpRequest<'_>,
        peer: &Peer,
        body: Incoming,
        ids: &Ids,
    ) -> Outcome {
        let body = match self.bodies.read(body).await {
            Ok(body) => body,
            Err(refused) => return refused_body(refused, request),
        };
        self.metrics.received_bytes.inc_by(body.bytes.len() as u64);
        if let Some(form) = sts::form_of(request, &body.bytes) {
            let answered = self.answer_sts(&form, request, peer, &body, ids).await;
            let refused = |refusal: sts::Refusal| refusal.response(&ids.request_id);
            let response = answered.unwrap_or_else(refused);
            return Outcome::of(None, response);
        }
        let accepted = match envelope::check(request, &body.bytes) {
            Ok(accepted) => accepted,
            Err(response) => return Outcome::of(None, response),
        };
        let Accepted { operation, encoding } = accepted;
        tracing::Span::current().record("operation", operation.name());
        let (certificate, now) = (peer.principal.as_ref(), self.clock.now());
        let admitted = self.access.admit(request, &body.bytes, sigv4::KINESIS, certificate, now);
        let caller = admitted.map(|admitted| caller(admitted, request, peer, ids));
        let call = Call::Operation(operation, encoding, &body.bytes);
        let asked = asked(request, peer, call, caller.as_ref().ok(), ids);
        let response = match self.audited(asked, self.called(accepted, &caller, &body)).await {
            Ok(Reply::Whole(answer)) => envelope::success(encoding, answer),
            Ok(Reply::Pieces(pieces)) => {
                let outcome =
                    Outcome::of(Some(operation), envelope::success(encoding, Bytes::new()));
                return Outcome { later: Some(Later::Pieces(pieces)), ..outcome };
            }
            Ok(Reply::Events(events)) => {
                let outcome = Outcome::of(Some(operation), envelope::events());
                return Outcome { later: Some(Later::Events(events)), ..outcome };
            }
            Err(refusal) if caller.is_err() => {
                envelope::refused_signature(refusal, encoding, &body.bytes)
            }
            Err(refusal) => envelope::failure(encoding, &refusal),
        };
        Outcome::of(Some(operation), response)
    }

    /// Carries a call out between the two halves of its audit.
    async fn audited<T, E: Told + From<ApiError>>(
        &self,
        asked: Asked<'_>,
        call: impl Future<Output = Result<T, E>>,
    ) -> Result<T, E> {
        let Some(audit) = &self.audit else { return call.await };
        let owed = audit.begin(asked).await?;
        let answer = call.await;
        if let Some(owed) = owed {
            owed.settle(answer.as_ref().err()).await?;
        }
        answer
    }

    async fn called(
        &self,
        accepted: Accepted,
        caller: &Result<Caller, ApiError>,
        body: &Body,
    ) -> Result<Reply, ApiError> {
        match caller {
            Ok(caller) => self.call(accepted, caller, body).await,
            Err(refusal) => Err(refusal.clone()),
        }
    }

    async fn call(
        &self,
        Accepted { operation, encoding }: Accepted,
        caller: &Caller,
        body: &Body,
    ) -> Result<Reply, ApiError> {
        dispatch(&self.services, caller, operation, encoding, &body.bytes).await
    }

    async fn answer_sts(
        &self,
        form: &sts::Form,
        request: &HttpRequest<'_>,
        peer: &Peer,
        body: &Body,
        ids: &Ids,
    ) -> Result<envelope::Response, sts::Refusal> {
        let (certificate, now) = (peer.principal.as_ref(), self.clock.now());
        let admitted = self.access.admit(request, &body.bytes, sigv4::STS, certificate, now);
        let admitted = admitted
            .map(|admitted| (admitted.principal.clone(), caller(admitted, request, peer, ids)));
        let known = admitted.as_ref().ok().map(|(_, caller)| caller);
        let asked = asked(request, peer, Call::Sts(form), known, ids);
        let call = async {
            let (principal, caller) = admitted.as_ref().map_err(ApiError::clone)?;
            self.sts.answer(form, caller, principal, now)
        };
        self.audited(asked, call).await
    }

    fn panicked(&self, request: &HttpRequest<'_>, panic: &(dyn Any + Send)) -> Outcome {
        self.metrics.panics.inc();
        tracing::error!(panic = panic_text(panic), "a request's handling panicked");
        let target = request.headers.get("x-amz-target").unwrap_or_default();
        Outcome {
            operation: Operation::from_target(target),
            response: failure(request, &ApiError::bare(ErrorCode::InternalFailure)),
            later: None,
            cut_short: true,
        }
    }
}

impl Outcome {
    fn of(operation: Option<Operation>, response: envelope::Response) -> Self {
        Self { operation, response, later: None, cut_short: false }
    }

    fn into_answer(self, body: AnswerBody) -> Answered {
        let mut answer = Response::new(body);
        *answer.status_mut() = StatusCode::from_u16(self.response.status)
            .expect("the statuses of the envelope are statuses");
        for (name, value) in self.response.headers {
            let value = match value {
                Cow::Borrowed(value) => Ok(HeaderValue::from_static(value)),
                Cow::Owned(value) => HeaderValue::try_from(value),
            };
            // A value that a client sent and HTTP does not take back is left out.
            if let Ok(value) = value {
                answer.headers_mut().insert(HeaderName::from_static(name), value);
            }
        }
        if self.cut_short {
            answer.extensions_mut().insert(CutShort);
        }
        answer
    }
}

fn refused_body(refused: Refused, request: &HttpRequest<'_>) -> Outcome {
    let empty = |status| envelope::Response { status, headers: Vec::new(), body: Bytes::new() };
    let response = match refused {
        Refused::TooLarge { .. } => empty(413),
        Refused::Late => empty(408),
        Refused::Broken => empty(400),
        Refused::NoRoom => {
            let text = "the memory for request bodies (http.bodies_bytes_max) is used up";
            failure(request, &ApiError::new(ErrorCode::ServiceUnavailable, text))
        }
    };
    let cut_short = refused != Refused::TooLarge { drained: true };
    tracing::debug!(?refused, "a request's body was refused");
    Outcome { cut_short, ..Outcome::of(None, response) }
}

/// A refusal in the request's encoding, if it got as far as naming one.
fn failure(request: &HttpRequest<'_>, refusal: &ApiError) -> envelope::Response {
    let content_type = request.headers.get("content-type").unwrap_or_default();
    envelope::failure(Encoding::from_content_type(content_type).unwrap_or(Encoding::Json), refusal)
}

/// What the audit is to know of a call.
fn asked<'a>(
    request: &'a HttpRequest<'a>,
    peer: &Peer,
    call: Call<'a>,
    caller: Option<&'a Caller>,
    ids: &'a Ids,
) -> Asked<'a> {
    let claimed = || Some(sigv4::parse(request).ok()?.claimed_scope().key_id.to_owned());
    Asked {
        call,
        caller,
        claimed_key: caller.is_none().then(claimed).flatten().unwrap_or_default(),
        source_ip: peer.address.ip(),
        user_agent: request.headers.get("user-agent").unwrap_or_default(),
        request_id: &ids.request_id,
    }
}

/// Who calls, and from where.
fn caller(admitted: Admitted, request: &HttpRequest<'_>, peer: &Peer, ids: &Ids) -> Caller {
    let Admitted { principal, region, access_key_id } = admitted;
    Caller {
        account: principal.account.clone(),
        region,
        request_id: ids.request_id.clone(),
        principal: principal.arn.clone(),
        access_key_id,
        source_ip: Some(peer.address.ip()),
        user_agent: request.headers.get("user-agent").unwrap_or_default().into(),
        secure_transport: peer.secure,
        authority: Authority::new(principal),
    }
}

/// The request as the envelope and the signature look at it.
fn http_request(head: &Parts) -> HttpRequest<'_> {
    let headers = head.headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes()));
    // HTTP/2 says it in a pseudo-header. Most clients sign it as `host` all the same, the JavaScript
    // SDK as what it is.
    let named = head.uri.authority().map(|authority| authority.as_str().as_bytes());
    let authority = named.filter(|_| head.version == Version::HTTP_2);
    let host = named.filter(|_| !head.headers.contains_key("host"));
    HttpRequest {
        method: head.method.as_str(),
        path: head.uri.path(),
        query: head.uri.query().unwrap_or_default(),
        headers: headers
            .chain(authority.map(|authority| (":authority", authority)))
            .chain(host.map(|host| ("host", host)))
            .collect(),
    }
}

fn panic_text(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no text")
}

/// What names a request to its caller and to support.
struct Ids {
    request_id: String,
    extended: [u8; 64],
}

impl Ids {
    fn new(entropy: &dyn Entropy) -> Self {
        let mut random = [0; 80];
        entropy.fill(&mut random);
        let (id, extended) = random.split_first_chunk().expect("80 bytes are more than 16");
        let extended = extended.try_into().expect("80 bytes less 16 are 64");
        Self { request_id: uuid(u128::from_be_bytes(*id)), extended }
    }
}

/// A random UUID (version 4, variant 1) with the other bits of `random`.
pub(crate) fn uuid(random: u128) -> String {
    let bits = random & !(0xf << 76) & !(0x3 << 62) | 0x4 << 76 | 0x2 << 62;
    let (high, low) = ((bits >> 64) as u64, bits as u64);
    format!(
        "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
        high >> 32,
        high >> 16 & 0xffff,
        high & 0xffff,
        low >> 48,
        low & 0xffff_ffff_ffff,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_without_room_is_refused_in_a_way_that_clients_retry() {
        let content_type = ("content-type", &b"application/x-amz-json-1.1"[..]);
        let headers = [content_type].into_iter().collect();
        let request = HttpRequest { method: "POST", path: "/", query: "", headers };
        let Outcome { response, cut_short, .. } = refused_body(Refused::NoRoom, &request);
        assert_eq!(response.status, 503);
        assert!(cut_short, "the body was not read");
        let refusal = ApiError::decode(Encoding::Json, 503, &response.body);
        assert!(refusal.code.is_retryable());
        assert!(refusal.to_string().contains("http.bodies_bytes_max"), "{refusal}");
    }

    #[test]
    fn a_request_id_is_a_random_uuid() {
        assert_eq!(uuid(0), "00000000-0000-4000-8000-000000000000");
        assert_eq!(uuid(u128::MAX), "ffffffff-ffff-4fff-bfff-ffffffffffff");
        let random = 0x00112233_44556677_8899aabb_ccddeeff;
        assert_eq!(uuid(random), "00112233-4455-4677-8899-aabbccddeeff");
    }
}
