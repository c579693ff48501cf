//! The web face: orders, and what Prometheus reads.

use axum::{
    Router,
    extract::{Path, State},
    http::StatusCode,
    routing::{get, post},
};
use linkbus::Bus;
use metrics_exporter_prometheus::PrometheusHandle;

use crate::orders::PlaceOrder;

/// `POST /orders/{item}` and `GET /metrics`.
pub(crate) fn app(bus: Bus, metrics: PrometheusHandle) -> Router {
    let scrape = get(|State(metrics): State<PrometheusHandle>| async move { metrics.render() });
    Router::new()
        .route("/orders/{item}", post(place_order).with_state(bus))
        .route("/metrics", scrape.with_state(metrics))
}

async fn place_order(State(bus): State<Bus>, Path(item): Path<String>) -> (StatusCode, String) {
    match bus.execute(PlaceOrder { item }).await {
        Ok(()) => (StatusCode::CREATED, String::new()),
        Err(error) => (StatusCode::CONFLICT, error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use axum::{body::Body, http::Request};
    use metrics_exporter_prometheus::PrometheusBuilder;
    use tower::ServiceExt;

    use super::*;

    async fn ask(app: &Router, method: &str, path: &str) -> (StatusCode, String) {
        let request = Request::builder().method(method).uri(path).body(Body::empty()).unwrap();
        let response = app.clone().oneshot(request).await.unwrap();
        let status = response.status();
        let body = axum::body::to_bytes(response.into_body(), 1 << 20).await.unwrap();
        (status, String::from_utf8(body.to_vec()).unwrap())
    }

    #[test]
    fn metrics_shows_what_was_ordered() {
        let recorder = PrometheusBuilder::new().build_recorder();
        let handle = recorder.handle();
        let bus = metrics::with_local_recorder(&recorder, || crate::orders::bus().unwrap());
        let app = app(bus, handle);
        tokio::runtime::Runtime::new().unwrap().block_on(async {
            assert_eq!(ask(&app, "POST", "/orders/tea").await.0, StatusCode::CREATED);
            assert_eq!(ask(&app, "POST", "/orders/rocket").await.0, StatusCode::CONFLICT);
            let (status, text) = ask(&app, "GET", "/metrics").await;
            assert_eq!(status, StatusCode::OK);
            let dispatches = r#"linkbus_dispatches_total{message="orders.Place",kind="command",handler="place_order"} 2"#;
            assert!(text.lines().any(|line| line == dispatches), "{text}");
            let failures = r#"linkbus_failures_total{message="orders.Place",kind="command",handler="place_order",reason="failed"} 1"#;
            assert!(text.lines().any(|line| line == failures), "{text}");
            assert!(text.contains("# TYPE linkbus_duration_seconds"), "{text}");
        });
    }
}
