//! HTTP server with graceful shutdown.

use std::future::Future;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::api::router;
use crate::error::ServeError;
use crate::model_registry::Models;

/// Maximum size of request headers in bytes.
const MAX_HEADER_BYTES: usize = 64 * 1024;

/// HTTP/1.1 server without TLS.
///
/// It replaces axum's server for protection from slow clients: it has a timeout for headers and a
/// maximum number of connections.
///
/// ```no_run
/// use std::path::Path;
///
/// use burn::tensor::Device;
/// use finetune_serve::{Models, ServeConfig, ServedModel, Server, shutdown_signal};
///
/// # async fn run() -> Result<(), finetune_serve::ServeError> {
/// let topics = ServedModel::load("topics", Path::new("runs/classify-1/model"), &Device::flex())?;
/// let models = Models::start(vec![topics], ServeConfig::default())?;
/// let server = Server::bind(([127, 0, 0, 1], 8080).into(), models).await?;
/// println!("listening on http://{}", server.address());
/// server.run(shutdown_signal()).await;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
    models: Models,
}

impl Server {
    /// Listens on an address; port 0 selects a free port.
    ///
    /// # Errors
    /// - [`ServeError::Bind`] if the server cannot listen, such as when the port is in use.
    pub async fn bind(address: SocketAddr, models: Models) -> Result<Self, ServeError> {
        let failed = |source| ServeError::Bind { address, source };
        let listener = TcpListener::bind(address).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        Ok(Self {
            listener,
            address,
            models,
        })
    }

    /// Returns the address on which the server listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves until `stop` is ready. Then it rejects new connections, finishes open requests within
    /// `shutdown_timeout_ms`, and closes the models.
    pub async fn run(self, stop: impl Future<Output = ()>) {
        let (models, graceful) = (self.models.clone(), GracefulShutdown::new());
        let mut connections = JoinSet::new();
        {
            let accepting = self.accept(&graceful, &mut connections);
            let (mut accepting, mut stop) = (pin!(accepting), pin!(stop));
            tokio::select! {
                () = &mut accepting => {}
                () = &mut stop => {}
            }
            models.drain();
        }
        // Remaining connections are closed.
        let _ = timeout(models.config().shutdown_timeout(), graceful.shutdown()).await;
        connections.shutdown().await;
        models.close();
    }

    /// Accepts connections forever.
    async fn accept(self, graceful: &GracefulShutdown, connections: &mut JoinSet<()>) {
        let router = router(&self.models);
        let free = Arc::new(Semaphore::new(self.models.config().max_connections));
        loop {
            let Ok(permit) = Arc::clone(&free).acquire_owned().await else {
                return;
            };
            let stream = self.connection().await;
            // Removes finished tasks.
            while connections.try_join_next().is_some() {}
            let watcher = graceful.watcher();
            let serving = self.serve(stream, router.clone());
            connections.spawn(async move {
                // A client that disconnects is not a server error.
                let _ = watcher.watch(serving).await;
                drop(permit);
            });
        }
    }

    /// Returns the next connection. Errors are temporary, such as too many open files or a client
    /// that has already disconnected.
    async fn connection(&self) -> TcpStream {
        loop {
            match self.listener.accept().await {
                Ok((stream, _)) => return stream,
                Err(_) => sleep(Duration::from_millis(50)).await,
            }
        }
    }

    fn serve(
        &self,
        stream: TcpStream,
        router: Router,
    ) -> http1::Connection<TokioIo<TcpStream>, TowerToHyperService<Router>> {
        // Sends small responses without delay; failure is harmless.
        let _ = stream.set_nodelay(true);
        http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(self.models.config().header_timeout())
            .max_header_size(MAX_HEADER_BYTES)
            .max_buf_size(MAX_HEADER_BYTES)
            .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router))
    }
}

/// Signals to load the models again: SIGHUP on Unix; none on other systems.
#[derive(Debug)]
pub struct ReloadSignals {
    /// Missing if the signal is unavailable.
    #[cfg(unix)]
    hangup: Option<tokio::signal::unix::Signal>,
}

impl ReloadSignals {
    /// Listens to signals from now on, within a tokio runtime.
    pub fn new() -> Self {
        Self {
            #[cfg(unix)]
            hangup: tokio::signal::unix::signal(tokio::signal::unix::SignalKind::hangup()).ok(),
        }
    }

    /// Waits for the next signal.
    pub async fn next(&mut self) {
        #[cfg(unix)]
        if let Some(signal) = &mut self.hangup
            && signal.recv().await.is_some()
        {
            return;
        }
        std::future::pending().await
    }
}

impl Default for ReloadSignals {
    fn default() -> Self {
        Self::new()
    }
}

/// Waits for a signal to stop: Ctrl-C, or SIGTERM on Unix.
pub async fn shutdown_signal() {
    let interrupt = async {
        if tokio::signal::ctrl_c().await.is_err() {
            // The signal is unavailable: the process can only be killed.
            std::future::pending::<()>().await;
        }
    };
    #[cfg(unix)]
    let terminate = async {
        use tokio::signal::unix::{SignalKind, signal};
        match signal(SignalKind::terminate()) {
            Ok(mut signal) => {
                signal.recv().await;
            }
            Err(_) => std::future::pending().await,
        }
    };
    #[cfg(not(unix))]
    let terminate = std::future::pending::<()>();
    tokio::select! {
        () = interrupt => {}
        () = terminate => {}
    }
}
