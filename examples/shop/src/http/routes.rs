use axum::{
    Json, Router,
    extract::{DefaultBodyLimit, FromRequest, FromRequestParts, State},
    http::{
        StatusCode,
        header::{CONTENT_TYPE, LOCATION},
    },
    response::{IntoResponse, Response},
    routing::{get, post},
};
use contracts::{
    OrderId, Sku, UserId,
    notifications::ListMail,
    orders::{GetOrder, ListOrders, PlaceOrder},
    stock::{AddStock, GetArticle, ListArticles},
    users::{GetUser, RegisterUser},
};
use linkbus::Bus;

use super::Problem;
use crate::{Answer, ListLetters, ReplayLetters, Request};

/// The most that a body may hold, in bytes.
const MOST: usize = 64 * 1024;

type Answered = Result<Response, Problem>;

/// The API in front of `bus`.
pub fn router(bus: Bus) -> Router {
    Router::new()
        .route("/users", post(register_user))
        .route("/users/{id}", get(get_user))
        .route("/users/{id}/orders", get(list_orders))
        .route("/users/{id}/mail", get(list_mail))
        .route("/stock", get(list_articles).post(add_stock))
        .route("/stock/{sku}", get(get_article))
        .route("/orders", post(place_order))
        .route("/orders/{id}", get(get_order))
        .route("/letters", get(list_letters))
        .route("/letters/replay", post(replay_letters))
        .fallback(async || Problem::no_such_route())
        .method_not_allowed_fallback(async || Problem::wrong_method())
        .layer(DefaultBodyLimit::max(MOST))
        .with_state(bus)
}

/// A JSON body. What is wrong with one is answered in JSON.
#[derive(FromRequest)]
#[from_request(via(Json), rejection(Problem))]
struct Body<T>(T);

/// The id in the address.
#[derive(FromRequestParts)]
#[from_request(via(axum::extract::Path), rejection(Problem))]
struct Path<T>(T);

async fn register_user(State(bus): State<Bus>, Body(command): Body<RegisterUser>) -> Answered {
    let location = format!("/users/{}", command.id);
    created(location, Request::RegisterUser(command), bus).await
}

async fn get_user(State(bus): State<Bus>, Path(id): Path<UserId>) -> Answered {
    answer(Request::GetUser(GetUser { id }), bus).await
}

async fn list_orders(State(bus): State<Bus>, Path(user): Path<UserId>) -> Answered {
    answer(Request::ListOrders(ListOrders { user }), bus).await
}

async fn list_mail(State(bus): State<Bus>, Path(user): Path<UserId>) -> Answered {
    answer(Request::ListMail(ListMail { user }), bus).await
}

async fn add_stock(State(bus): State<Bus>, Body(command): Body<AddStock>) -> Answered {
    let location = format!("/stock/{}", command.sku);
    created(location, Request::AddStock(command), bus).await
}

async fn list_articles(State(bus): State<Bus>) -> Answered {
    answer(Request::ListArticles(ListArticles {}), bus).await
}

async fn get_article(State(bus): State<Bus>, Path(sku): Path<Sku>) -> Answered {
    answer(Request::GetArticle(GetArticle { sku }), bus).await
}

async fn place_order(State(bus): State<Bus>, Body(command): Body<PlaceOrder>) -> Answered {
    let location = format!("/orders/{}", command.id);
    created(location, Request::PlaceOrder(command), bus).await
}

async fn get_order(State(bus): State<Bus>, Path(id): Path<OrderId>) -> Answered {
    answer(Request::GetOrder(GetOrder { id }), bus).await
}

async fn list_letters(State(bus): State<Bus>) -> Answered {
    answer(Request::ListLetters(ListLetters {}), bus).await
}

async fn replay_letters(State(bus): State<Bus>) -> Answered {
    answer(Request::ReplayLetters(ReplayLetters {}), bus).await
}

async fn created(location: String, request: Request, bus: Bus) -> Answered {
    answer(request, bus).await?;
    Ok((StatusCode::CREATED, [(LOCATION, location)]).into_response())
}

/// Performs the request in a task of its own: a client that hangs up does not stop an order halfway.
async fn answer(request: Request, bus: Bus) -> Answered {
    tracing::info!("{request}");
    let performed = tokio::spawn(async move { request.perform(&bus).await }).await;
    match performed.map_err(|panic| Problem::internal(&panic))?? {
        Answer::Done => Ok(StatusCode::NO_CONTENT.into_response()),
        Answer::Reply(json) => Ok(([(CONTENT_TYPE, "application/json")], json).into_response()),
    }
}
