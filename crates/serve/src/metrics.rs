//! Metrics of the server in the text format of Prometheus.

use std::fmt;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

/// Content type of the text.
pub(crate) const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Histogram buckets in seconds, from a single short text on a small model to the request timeout.
const SECONDS: [f64; 12] = [
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 30.0,
];
const ROWS: [f64; 9] = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0];

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    route: String,
    status: u16,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RouteLabels {
    route: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ModelLabels {
    model: String,
}

type Histograms<L> = Family<L, Histogram, fn() -> Histogram>;

/// Metrics of the server. Labels contain neither texts nor values chosen by clients, so the number
/// of series is bounded.
pub(crate) struct Metrics {
    registry: Registry,
    requests: Family<RequestLabels, Counter>,
    request_seconds: Histograms<RouteLabels>,
    queue_rows: Family<ModelLabels, Gauge>,
    gone_rows: Family<ModelLabels, Counter>,
    batch_rows: Histograms<ModelLabels>,
    batch_seconds: Histograms<ModelLabels>,
    faults: Family<ModelLabels, Counter>,
}

impl Metrics {
    pub(crate) fn new() -> Self {
        let seconds: fn() -> Histogram = || Histogram::new(SECONDS);
        let rows: fn() -> Histogram = || Histogram::new(ROWS);
        let mut metrics = Self {
            registry: Registry::with_prefix("finetune"),
            requests: Family::default(),
            request_seconds: Family::new_with_constructor(seconds),
            queue_rows: Family::default(),
            gone_rows: Family::default(),
            batch_rows: Family::new_with_constructor(rows),
            batch_seconds: Family::new_with_constructor(seconds),
            faults: Family::default(),
        };
        metrics.register();
        metrics
    }

    fn register(&mut self) {
        let registry = &mut self.registry;
        registry.register("requests", "Requests answered", self.requests.clone());
        registry.register_with_unit(
            "request_duration",
            "From the headers of a request to its answer",
            Unit::Seconds,
            self.request_seconds.clone(),
        );
        registry.register(
            "queue_rows",
            "Rows that wait for a model",
            self.queue_rows.clone(),
        );
        let help = "Rows whose client left before the model saw them";
        registry.register("canceled_rows", help, self.gone_rows.clone());
        registry.register("batch_rows", "Rows of a batch", self.batch_rows.clone());
        registry.register_with_unit(
            "batch_duration",
            "Time that a model took for a batch",
            Unit::Seconds,
            self.batch_seconds.clone(),
        );
        let help = "Batches that a model failed on";
        registry.register("inference_errors", help, self.faults.clone());
    }

    /// Counts a request.
    pub(crate) fn request(&self, route: &str, status: u16, elapsed: Duration) {
        let route = route.to_string();
        let labels = RouteLabels {
            route: route.clone(),
        };
        let seconds = self.request_seconds.get_or_create(&labels);
        seconds.observe(elapsed.as_secs_f64());
        let labels = RequestLabels { route, status };
        self.requests.get_or_create(&labels).inc();
    }

    /// Returns the metrics of a model's thread.
    pub(crate) fn of_model(&self, model: &str) -> ModelMetrics {
        let labels = ModelLabels {
            model: model.to_string(),
        };
        ModelMetrics {
            batch_rows: self.batch_rows.get_or_create(&labels).clone(),
            batch_seconds: self.batch_seconds.get_or_create(&labels).clone(),
            faults: self.faults.get_or_create(&labels).clone(),
        }
    }

    /// Returns the text, including queued and dropped rows of each model.
    pub(crate) fn text(&self, queues: Vec<(String, usize, u64)>) -> Result<String, fmt::Error> {
        for (model, waiting, gone) in queues {
            let labels = ModelLabels { model };
            let waiting = i64::try_from(waiting).unwrap_or(i64::MAX);
            self.queue_rows.get_or_create(&labels).set(waiting);
            let counter = self.gone_rows.get_or_create(&labels);
            let counted: &AtomicU64 = counter.inner();
            counted.store(gone, std::sync::atomic::Ordering::Relaxed);
        }
        let mut text = String::new();
        encode(&mut text, &self.registry)?;
        Ok(text)
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
}

/// Metrics of a model's thread.
#[derive(Debug, Clone)]
pub(crate) struct ModelMetrics {
    batch_rows: Histogram,
    batch_seconds: Histogram,
    faults: Counter,
}

impl ModelMetrics {
    pub(crate) fn batch(&self, rows: usize, elapsed: Duration) {
        self.batch_rows.observe(rows as f64);
        self.batch_seconds.observe(elapsed.as_secs_f64());
    }

    pub(crate) fn failed(&self) {
        self.faults.inc();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_has_what_was_counted() {
        let metrics = Metrics::new();
        metrics.request("/healthz", 200, Duration::from_millis(3));
        let model = metrics.of_model("topics");
        model.batch(5, Duration::from_millis(20));
        model.failed();
        let text = metrics.text(vec![("topics".to_string(), 7, 2)]).unwrap();
        for line in [
            r#"finetune_requests_total{route="/healthz",status="200"} 1"#,
            r#"finetune_request_duration_seconds_count{route="/healthz"} 1"#,
            r#"finetune_queue_rows{model="topics"} 7"#,
            r#"finetune_canceled_rows_total{model="topics"} 2"#,
            r#"finetune_batch_rows_bucket{le="8.0",model="topics"} 1"#,
            r#"finetune_batch_rows_sum{model="topics"} 5.0"#,
            r#"finetune_inference_errors_total{model="topics"} 1"#,
            "# EOF",
        ] {
            assert!(text.lines().any(|found| found == line), "{line}\n{text}");
        }
    }
}
