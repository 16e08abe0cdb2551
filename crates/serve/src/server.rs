//! Listening, and stopping without breaking anything off.

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

use crate::{Models, ServeError, router};

/// The most bytes of a request's headers.
const MAX_HEADER_BYTES: usize = 64 * 1024;

/// A server that listens, HTTP/1.1 without encryption.
///
/// It is ours rather than axum's because of slow clients: headers have a time, and connections a
/// number.
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
    /// Listens on an address. Port 0 is any that is free.
    ///
    /// # Errors
    /// [`ServeError::Bind`], if the port is in use, say.
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

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves until `stop` is ready. Then it takes no more connections, answers what is in flight
    /// for as long as `shutdown_timeout_ms` allows, and closes the models.
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
            models.begin_stopping();
        }
        // Whoever is still there afterwards is cut off.
        let _ = timeout(models.config().shutdown_timeout(), graceful.shutdown()).await;
        connections.shutdown().await;
        models.close();
    }

    /// Takes connections for ever.
    async fn accept(self, graceful: &GracefulShutdown, connections: &mut JoinSet<()>) {
        let router = router(&self.models);
        let free = Arc::new(Semaphore::new(self.models.config().max_connections));
        loop {
            let Ok(permit) = Arc::clone(&free).acquire_owned().await else {
                return;
            };
            let stream = self.connection().await;
            // Those that have ended.
            while connections.try_join_next().is_some() {}
            let watcher = graceful.watcher();
            let serving = self.serve(stream, router.clone());
            connections.spawn(async move {
                // A client that breaks off is no error of ours.
                let _ = watcher.watch(serving).await;
                drop(permit);
            });
        }
    }

    /// The next connection. That there is none for a moment (too many open files, a client that
    /// has left already) passes.
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
        // Answers are small: they shall not wait for more to send. It works without, too.
        let _ = stream.set_nodelay(true);
        http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(self.models.config().header_timeout())
            .max_header_size(MAX_HEADER_BYTES)
            .max_buf_size(MAX_HEADER_BYTES)
            .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router))
    }
}

/// Ready when the program is asked to end: Ctrl-C, or SIGTERM where there is one.
pub async fn shutdown_signal() {
    let interrupt = async {
        if tokio::signal::ctrl_c().await.is_err() {
            // It cannot be heard: the program can only be killed.
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
