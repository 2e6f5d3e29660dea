//! One call: encode, sign, send, and try again when that may help.

use std::sync::Arc;

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::HeaderValue;
use hyper::{Method, Request};
use runtime::{Clock, Entropy, Net, SystemClock, SystemEntropy, Tasks, TcpNet};
use serde::de::DeserializeOwned;
use tokio::time::{sleep, timeout};
use wire::kinesis::SubscribeToShardInput;
use wire::{ApiError, Call, Encoding, HttpRequest, Operation, codec, sigv4};

use crate::bodies::Bodies;
use crate::endpoint::Endpoint;
use crate::pool::{Answer, Failure, Pool};
use crate::retry::Policy;
use crate::subscription::Subscription;
use crate::tls::Tls;
use crate::{ClientConfig, Error, Result};

/// The parts of the world that a client touches; a simulation brings its own.
#[derive(Clone)]
pub struct World {
    /// Tells the time that requests are signed with.
    pub clock: Arc<dyn Clock>,
    /// Spreads the retries.
    pub entropy: Arc<dyn Entropy>,
    /// Opens the connections.
    pub net: Arc<dyn Net>,
    /// Runs the producers.
    pub tasks: Tasks,
}

impl Default for World {
    fn default() -> Self {
        Self {
            clock: Arc::new(SystemClock),
            entropy: Arc::new(SystemEntropy),
            net: Arc::new(TcpNet),
            tasks: Tasks::default(),
        }
    }
}

/// Calls operations of one service. Clones share its connections.
///
/// Every supported operation is an input of [`wire::kinesis`], and [`Client::call`] takes it to
/// its output:
///
/// ```no_run
/// use weir_client::{Client, ClientConfig};
/// use weir_client::kinesis::{CreateStreamInput, ListStreamsInput};
///
/// # async fn example() -> Result<(), weir_client::Error> {
/// let client = Client::new(ClientConfig::default())?;
/// client.call(CreateStreamInput { stream_name: "events".into(), ..Default::default() }).await?;
/// println!("{:?}", client.call(ListStreamsInput::default()).await?.stream_names);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Client(Arc<Inner>);

struct Inner {
    config: ClientConfig,
    credentials: sigv4::Credentials,
    endpoint: Endpoint,
    retry: Policy,
    world: World,
    pool: Pool,
    bodies: Bodies,
}

impl Client {
    /// Makes a client. Connections are opened when they are needed.
    pub fn new(config: ClientConfig) -> Result<Self> {
        Self::in_world(config, World::default())
    }

    /// The same, on another clock and network.
    pub fn in_world(config: ClientConfig, world: World) -> Result<Self> {
        let endpoint = Endpoint::parse(&config.endpoint)?;
        check_header_values(&config)?;
        let tls = match endpoint.secure {
            true => Some(Tls::new(&endpoint.name, &config.trust, config.certificate.as_ref())?),
            false => None,
        };
        let pool = Pool::new(
            world.net.clone(),
            tls,
            endpoint.authority.clone(),
            config.connect_timeout,
            config.connections_max,
        );
        let credentials = sigv4::Credentials {
            access_key_id: config.credentials.access_key_id.clone(),
            secret: sigv4::Secret::new(&config.credentials.secret_access_key),
            session_token: config.credentials.session_token.clone(),
        };
        let retry = Policy::new(&config);
        let bodies = Bodies::default();
        Ok(Self(Arc::new(Inner { config, credentials, endpoint, retry, world, pool, bodies })))
    }

    /// Calls the operation of `input` and waits for its output. Errors that may pass are tried
    /// again, as often and as patiently as the configuration says; a put whose connection broke
    /// may so be written twice.
    pub async fn call<I: Call<Output: DeserializeOwned>>(&self, input: I) -> Result<I::Output> {
        let body = self.0.bodies.encode(self.0.config.encoding, &input);
        let called = self.try_repeatedly::<I>(&body).await;
        self.0.bodies.take_back(body);
        called
    }

    async fn try_repeatedly<I: Call<Output: DeserializeOwned>>(
        &self,
        body: &Bytes,
    ) -> Result<I::Output> {
        let mut attempts = 0;
        loop {
            let error = match self.attempt::<I>(body.clone()).await {
                Ok(output) => return Ok(output),
                Err(error) => error,
            };
            attempts += 1;
            match self.0.retry.delay(attempts, self.0.world.entropy.number()) {
                Some(delay) if error.is_retryable() => {
                    tracing::debug!(%error, ?delay, "trying again");
                    sleep(delay).await;
                }
                _ => return Err(error),
            }
        }
    }

    /// What it was made with.
    pub fn config(&self) -> &ClientConfig {
        &self.0.config
    }

    pub(crate) fn world(&self) -> &World {
        &self.0.world
    }

    /// Waits before the next try of something that failed `failures` times in a row.
    pub(crate) async fn pause(&self, failures: u32) {
        sleep(self.0.retry.pause(failures, self.0.world.entropy.number())).await;
    }

    async fn attempt<I: Call<Output: DeserializeOwned>>(&self, body: Bytes) -> Result<I::Output> {
        let operation = I::OPERATION.name();
        let request = self.request(I::OPERATION, self.0.config.encoding, body);
        let limit = self.0.config.attempt_timeout;
        let answer = timeout(limit, self.0.pool.exchange(request))
            .await
            .map_err(|_| Error::Timeout { operation, seconds: limit.as_secs() })?
            .map_err(|failure| self.failed(operation, failure))?;
        self.understand::<I>(answer)
    }

    fn request(
        &self,
        operation: Operation,
        encoding: Encoding,
        body: Bytes,
    ) -> Request<Full<Bytes>> {
        let inner = &*self.0;
        let plain = [
            ("content-type", encoding.content_type()),
            ("host", inner.endpoint.host.as_str()),
            ("x-amz-target", operation.target()),
        ];
        let unsigned = HttpRequest {
            method: "POST",
            path: "/",
            query: "",
            headers: plain.iter().map(|(name, value)| (*name, value.as_bytes())).collect(),
        };
        let signature = sigv4::sign(
            &unsigned,
            sigv4::PayloadHash::of(&body),
            &inner.credentials,
            &inner.config.region,
            inner.world.clock.now(),
        );
        let mut request = Request::new(Full::new(body));
        *request.method_mut() = Method::POST;
        let signature = signature.iter().map(|(name, value)| (*name, value.as_str()));
        for (name, value) in plain.into_iter().chain(signature) {
            let value = HeaderValue::from_str(value).expect("the configuration was checked");
            request.headers_mut().insert(name, value);
        }
        request
    }

    fn understand<I: Call<Output: DeserializeOwned>>(&self, answer: Answer) -> Result<I::Output> {
        let operation = I::OPERATION.name();
        let encoding = self.0.config.encoding;
        if !answer.status.is_success() {
            return Err(refusal(operation, encoding, &answer));
        }
        codec::decode_output(encoding, &answer.body)
            .map_err(|error| Error::Answer { operation, reason: error.to_string() })
    }

    /// Follows a shard as an enhanced fan-out consumer: gives its records as they come, until the
    /// service ends the subscription. Not tried again.
    ///
    /// ```no_run
    /// # use weir_client::kinesis::{ShardIteratorType, StartingPosition, SubscribeToShardInput};
    /// # async fn example(client: weir_client::Client) -> Result<(), weir_client::Error> {
    /// let position = StartingPosition { kind: ShardIteratorType::Latest, ..Default::default() };
    /// let input = SubscribeToShardInput {
    ///     consumer_arn: "arn:aws:kinesis:us-east-1:000000000000:stream/s/consumer/c:1".into(),
    ///     shard_id: "shardId-000000000000".into(),
    ///     starting_position: position,
    ///     ..Default::default()
    /// };
    /// let mut subscription = client.subscribe(input).await?;
    /// while let Some(event) = subscription.next().await? {
    ///     println!("{} records", event.records.len());
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub async fn subscribe(&self, input: SubscribeToShardInput) -> Result<Subscription> {
        let operation = Operation::SubscribeToShard;
        // AWS takes this one operation in JSON only.
        let encoding = Encoding::Json;
        let request = self.request(operation, encoding, codec::encode(encoding, &input));
        let limit = self.0.config.attempt_timeout;
        let begin = async {
            let opened = self.0.pool.open(request).await?;
            if opened.is_success() { Ok(Ok(opened)) } else { Ok(Err(opened.whole().await?)) }
        };
        let begun = timeout(limit, begin).await;
        let late = Error::Timeout { operation: operation.name(), seconds: limit.as_secs() };
        match begun.map_err(|_| late)? {
            Ok(Ok(opened)) => Ok(Subscription::new(self.clone(), opened)),
            Ok(Err(answer)) => Err(refusal(operation.name(), encoding, &answer)),
            Err(failure) => Err(self.failed(operation.name(), failure)),
        }
    }

    pub(crate) fn failed(&self, operation: &'static str, failure: Failure) -> Error {
        let endpoint = self.0.config.endpoint.clone();
        match failure {
            Failure::Connect(source) => Error::Connect { endpoint, source: Arc::new(source) },
            Failure::Broken(source) => {
                Error::Broken { endpoint, operation, source: Arc::from(source) }
            }
        }
    }
}

/// The error that the service answered with.
fn refusal(operation: &'static str, encoding: Encoding, answer: &Answer) -> Error {
    let request_id = answer.headers.get("x-amzn-requestid");
    Error::Service {
        operation,
        error: ApiError::decode(encoding, answer.status.as_u16(), &answer.body),
        request_id: request_id.and_then(|id| id.to_str().ok()).map(str::to_owned),
    }
}

/// What goes into headers must fit there.
fn check_header_values(config: &ClientConfig) -> Result<()> {
    let key = &config.credentials;
    for (what, value) in [
        ("the region", &config.region),
        ("the access key id", &key.access_key_id),
        ("the session token", key.session_token.as_ref().unwrap_or(&String::new())),
    ] {
        if !value.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(Error::Unprintable { what });
        }
    }
    Ok(())
}
