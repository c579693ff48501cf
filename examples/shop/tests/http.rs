//! The HTTP API, each status once, through the router and without a network.

mod support;

use axum::{
    Router,
    body::{Body, to_bytes},
    http::{Request, StatusCode, header},
};
use contracts::users::{GetUser, User};
use linkbus::Bus;
use shop::{Place, http::router};
use tower::ServiceExt;

struct Answer {
    status: StatusCode,
    location: Option<String>,
    body: String,
}

async fn shop() -> Router {
    let bus = shop::open(&Place::Memory).await.unwrap();
    support::fill(&bus).await;
    router(bus)
}

async fn call(shop: &Router, request: Request<Body>) -> Answer {
    let response = shop.clone().oneshot(request).await.unwrap();
    let location = response.headers().get(header::LOCATION).map(|it| it.to_str().unwrap().to_owned());
    let status = response.status();
    let body = to_bytes(response.into_body(), 1 << 20).await.unwrap();
    Answer { status, location, body: String::from_utf8(body.to_vec()).unwrap() }
}

async fn get(shop: &Router, path: &str) -> Answer {
    call(shop, Request::get(path).body(Body::empty()).unwrap()).await
}

async fn post(shop: &Router, path: &str, body: impl Into<Body>) -> Answer {
    let request = Request::post(path).header(header::CONTENT_TYPE, "application/json");
    call(shop, request.body(body.into()).unwrap()).await
}

/// The body is `{"error": text}`; gives the text.
fn error(answer: &Answer) -> String {
    let body: serde_json::Map<_, _> = serde_json::from_str(&answer.body).unwrap();
    assert_eq!(body.len(), 1, "{}", answer.body);
    body["error"].as_str().unwrap().to_owned()
}

fn order(id: &str, sku: &str, quantity: u32) -> String {
    format!(r#"{{"id": "{id}", "user": "ada", "items": [{{"sku": "{sku}", "quantity": {quantity}}}]}}"#)
}

#[tokio::test]
async fn what_is_created_is_found_where_the_answer_says() {
    let shop = shop().await;
    let bob = r#"{"id": "bob", "name": "Bob", "email": "bob@example.com"}"#;
    let tee = r#"{"sku": "tee", "name": "T-shirt", "price": 1895, "quantity": 1}"#;
    let calls = [("/users", bob.to_owned()), ("/stock", tee.to_owned()), ("/orders", order("o-1", "tee", 1))];
    for (path, body) in calls {
        let created = post(&shop, path, body).await;
        assert_eq!(created.status, StatusCode::CREATED, "{path}: {}", created.body);
        let found = get(&shop, &created.location.unwrap()).await;
        assert_eq!(found.status, StatusCode::OK, "{path}: {}", found.body);
    }
}

#[tokio::test]
async fn lists_are_json() {
    let shop = shop().await;
    post(&shop, "/orders", order("o-1", "mug", 2)).await;
    assert_eq!(get(&shop, "/stock").await.body, r#"[{"sku":"mug","name":"Mug","price":1250,"left":8}]"#);
    assert_eq!(get(&shop, "/users/ada/mail").await.body, r#"["Welcome, Ada","Your order o-1"]"#);
    let orders = get(&shop, "/users/ada/orders").await.body;
    assert!(orders.starts_with(r#"[{"id":"o-1","user":"ada","#) && orders.ends_with(r#""total":2500}]"#), "{orders}");
}

#[tokio::test]
async fn letters_are_listed_and_replayed() {
    let shop = shop().await;
    assert_eq!(get(&shop, "/letters").await.body, "[]");
    assert_eq!(post(&shop, "/letters/replay", "").await.status, StatusCode::NO_CONTENT);
}

#[tokio::test]
async fn no_json_is_400() {
    let answer = post(&shop().await, "/users", "{").await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    assert!(error(&answer).contains("EOF"), "{}", answer.body);
}

#[tokio::test]
async fn what_is_unknown_is_404() {
    let shop = shop().await;
    for path in ["/users/bob", "/stock/hat", "/orders/o-1", "/nowhere"] {
        let answer = get(&shop, path).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{path}");
        assert!(error(&answer).starts_with("there is no"), "{path}: {}", answer.body);
    }
    assert_eq!(post(&shop, "/orders", order("o-1", "hat", 1)).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_method_that_an_address_does_not_take_is_405() {
    let answer = call(&shop().await, Request::delete("/users/ada").body(Body::empty()).unwrap()).await;
    assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(error(&answer), "this address does not take this method");
}

#[tokio::test]
async fn what_contradicts_what_is_there_is_409_and_changes_nothing() {
    let shop = shop().await;
    let short = post(&shop, "/orders", order("o-1", "mug", 11)).await;
    assert_eq!((short.status, &*error(&short)), (StatusCode::CONFLICT, "11 of `mug` wanted, 10 left"));
    assert!(get(&shop, "/stock/mug").await.body.ends_with(r#""left":10}"#));
    let ada = r#"{"id": "ada", "name": "Another", "email": "other@example.com"}"#;
    assert_eq!(post(&shop, "/users", ada).await.status, StatusCode::CONFLICT);
    assert!(get(&shop, "/users/ada").await.body.contains(r#""name":"Ada""#));
}

#[tokio::test]
async fn a_body_beyond_the_limit_is_413() {
    let answer = post(&shop().await, "/users", " ".repeat(64 * 1024 + 1)).await;
    assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE);
    error(&answer);
}

#[tokio::test]
async fn a_body_that_does_not_claim_to_be_json_is_415() {
    let answer = call(&shop().await, Request::post("/users").body(Body::from("{}")).unwrap()).await;
    assert_eq!(answer.status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    error(&answer);
}

#[tokio::test]
async fn json_that_breaks_a_rule_is_422_and_says_which() {
    let shop = shop().await;
    let nobody = post(&shop, "/users", r#"{"id": "bob", "name": "Bob", "email": "nowhere"}"#).await;
    assert_eq!(nobody.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(error(&nobody).contains("expected `somebody@somewhere`"), "{}", nobody.body);
    let nothing = post(&shop, "/orders", order("o-1", "mug", 0)).await;
    assert_eq!(nothing.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(error(&nothing).contains("items[0].quantity"), "{}", nothing.body);
    let id = get(&shop, "/users/Not%20An%20Id").await;
    assert_eq!(id.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(error(&id).contains("not a user id: expected 1 to 40"), "{}", id.body);
}

#[tokio::test]
async fn a_failing_database_is_503_and_says_nothing_about_itself() {
    let folder = tempfile::tempdir().unwrap();
    let place = Place::File(folder.path().join("shop.sqlite"));
    let shop = router(shop::open(&place).await.unwrap());
    let file = storage::Database::open(&place, "").unwrap();
    file.transaction(|users| users.execute("DROP TABLE users", [])).unwrap();
    let answer = get(&shop, "/users/ada").await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(error(&answer), "this is not possible just now, please try again");
}

#[tokio::test]
async fn a_panic_is_500_and_says_nothing_about_itself() {
    let bus = Bus::empty().query(|_: GetUser| -> User { panic!("something private") }).build().unwrap();
    let answer = get(&router(bus), "/users/ada").await;
    assert_eq!((answer.status, &*error(&answer)), (StatusCode::INTERNAL_SERVER_ERROR, "internal error"));
}
