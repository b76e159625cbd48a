//! Calls of any RPC with any bytes: requests and answers stay as they are on the wire.

use backlog_tests::Caller;
use bytes::{Buf, BufMut, Bytes};
use http_body_util::{BodyExt, Full};
use tonic::codec::{Codec, CompressionEncoding, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::transport::Channel;
use tonic::{Code, Request, Status};
use tower::ServiceExt;

/// Bytes in, bytes out.
#[derive(Debug, Clone, Copy, Default)]
struct RawCodec;

impl Codec for RawCodec {
    type Encode = Bytes;
    type Decode = Bytes;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for RawCodec {
    type Item = Bytes;
    type Error = Status;

    fn encode(&mut self, item: Bytes, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        buffer.put(item);
        Ok(())
    }
}

impl Decoder for RawCodec {
    type Item = Bytes;
    type Error = Status;

    fn decode(&mut self, source: &mut DecodeBuf<'_>) -> Result<Option<Bytes>, Status> {
        let length = source.remaining();
        Ok(Some(source.copy_to_bytes(length)))
    }
}

/// All messages of an answer, or its status.
pub(crate) type Answer = Result<Vec<Bytes>, Status>;

/// Calls `rpc`, such as `backlog.contract.v1.ContractService/GetContract`, as this caller.
pub(crate) async fn call(channel: &Channel, rpc: &str, caller: &Caller, message: &[u8]) -> Answer {
    send(channel, rpc, caller.request(Bytes::copy_from_slice(message)), None).await
}

/// Calls with a request made by hand: with other headers, or none. Unary and streaming calls are
/// the same on the wire.
pub(crate) async fn send(
    channel: &Channel,
    rpc: &str,
    request: Request<Bytes>,
    compression: Option<CompressionEncoding>,
) -> Answer {
    let mut client = tonic::client::Grpc::new(channel.clone());
    if let Some(encoding) = compression {
        client = client.send_compressed(encoding);
    }
    client.ready().await.map_err(|error| Status::unavailable(error.to_string()))?;
    let path = format!("/{rpc}").parse().expect("a path");
    let mut stream = client.server_streaming(request, path, RawCodec).await?.into_inner();
    let mut messages = Vec::new();
    while let Some(message) = stream.message().await? {
        messages.push(message);
    }
    Ok(messages)
}

/// Sends a body that need not follow gRPC's framing, with these headers besides the usual ones.
pub(crate) async fn post(
    channel: &Channel,
    rpc: &str,
    headers: &[(&'static str, String)],
    body: Vec<u8>,
) -> Status {
    let mut request = http::Request::post(format!("http://127.0.0.1/{rpc}"))
        .version(http::Version::HTTP_2)
        .header("content-type", "application/grpc")
        .header("te", "trailers");
    for (name, value) in headers {
        request = request.header(*name, value);
    }
    let body = Full::new(Bytes::from(body)).map_err(|never| match never {});
    let request = request.body(tonic::body::Body::new(body)).expect("a request");
    let answer = match channel.clone().oneshot(request).await {
        Ok(answer) => answer,
        Err(error) => return Status::unavailable(error.to_string()),
    };
    let (parts, body) = answer.into_parts();
    if let Some(status) = Status::from_header_map(&parts.headers) {
        return status;
    }
    let body = body.collect().await.expect("an answer that ends in order");
    let status = body.trailers().and_then(Status::from_header_map);
    status.unwrap_or_else(|| Status::new(Code::Unknown, "the answer carries no status"))
}

/// A message in its frame: not compressed, and its length.
pub(crate) fn frame(message: &[u8]) -> Vec<u8> {
    let length = u32::try_from(message.len()).expect("a length").to_be_bytes();
    [[0].as_slice(), &length, message].concat()
}
