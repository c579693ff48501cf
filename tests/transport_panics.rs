//! Code of users that panics outside of a handler, where a message arrives: it is answered all the same.

use linkbus::{
    AnyError, Bus, Command, Query,
    layer::Reason,
    transport::{Answer, Body, Codec, Endpoint, Envelope, Json, Parcel, Propagator, RemoteError, Target},
};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

#[derive(Command)]
#[command(name = "panics.Read")]
struct Read;

impl Serialize for Read {
    fn serialize<S: Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        unreachable!("it is not sent")
    }
}

impl<'de> Deserialize<'de> for Read {
    fn deserialize<D: Deserializer<'de>>(_: D) -> Result<Self, D::Error> {
        panic!("it cannot be read")
    }
}

#[derive(Query, Serialize, Deserialize)]
#[query(reply = Unwritable, name = "panics.Write")]
struct Write;

struct Unwritable;

impl Serialize for Unwritable {
    fn serialize<S: Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        panic!("it cannot be written")
    }
}

impl<'de> Deserialize<'de> for Unwritable {
    fn deserialize<D: Deserializer<'de>>(_: D) -> Result<Self, D::Error> {
        unreachable!("it does not arrive")
    }
}

#[derive(Command, Serialize, Deserialize)]
#[command(name = "panics.Show", error = Unshowable)]
struct Show;

#[derive(Debug)]
struct Unshowable;

impl std::fmt::Display for Unshowable {
    fn fmt(&self, _: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        panic!("it cannot be shown")
    }
}

impl std::error::Error for Unshowable {}

#[derive(Command, Serialize, Deserialize)]
#[command(name = "panics.Do")]
struct Do;

fn endpoint() -> Endpoint {
    let bus = Bus::empty().replayable().command(|_: Read| ()).query(|_: Write| Unwritable).command(|_: Do| ());
    Endpoint::new(&bus.command(|_: Show| Err(Unshowable)).build().unwrap()).unwrap()
}

/// The error with which an endpoint answers a message without fields.
async fn refused(endpoint: &Endpoint, mut envelope: Envelope) -> RemoteError {
    let body = b"null".to_vec();
    envelope.content_type = "application/json".into();
    match endpoint.deliver(Parcel { envelope, body }).await {
        Answer::Failed(error) => *error,
        Answer::Done(_) => panic!("it is done"),
    }
}

#[tokio::test]
async fn a_panic_of_what_reads_a_message_or_writes_the_answer_is_an_answer() {
    let endpoint = endpoint();
    for envelope in [Envelope::of::<Read>(), Envelope::of::<Write>(), Envelope::of::<Show>()] {
        let name = envelope.name.clone();
        let error = refused(&endpoint, envelope).await;
        assert_eq!(error.reason, Reason::Panicked, "{error}");
        assert!(error.to_string().contains(&*name), "{error}");
    }
}

#[tokio::test]
async fn a_panic_of_a_codec_or_of_a_propagator_is_an_answer() {
    struct Broken;

    impl Codec for Broken {
        fn content_type(&self) -> &'static str {
            Json.content_type()
        }

        fn write(&self, _: Body<'_>, _: &mut Vec<u8>) -> Result<(), AnyError> {
            unreachable!("nothing is written")
        }

        fn read(&self, _: &[u8], _: Target<'_>) -> Result<(), AnyError> {
            panic!("it reads nothing")
        }
    }

    impl Propagator for Broken {
        fn inject(&self, _: &mut Envelope) {}

        fn extract(&self, _: &Envelope, _: &tracing::Span) {
            panic!("it knows no trace")
        }
    }

    for endpoint in [endpoint().codec(Broken), endpoint().propagate(Broken)] {
        assert_eq!(refused(&endpoint, Envelope::of::<Do>()).await.reason, Reason::Panicked);
    }
}
