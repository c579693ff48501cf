//! Messages for later: a transport keeps them until they are due.

use std::{
    future::Future,
    time::{Duration, SystemTime},
};

#[cfg(feature = "testing")]
use crate::testing::Leg;
use crate::{
    bus::Bus,
    error::{DispatchError, ExecuteError, Failure as _},
    layer::{self, Dispatched, LayerFailure},
    message::{Command, OneHandler, Task},
    origin::Origin,
};

impl Bus {
    /// Has `task` done by its handler in another process when `delay` is over: not before, and as soon after as the transport can.
    ///
    /// See [`dispatch_at`](Self::dispatch_at).
    ///
    /// # Errors
    /// As [`dispatch_at`](Self::dispatch_at); `Refused` as well if there is no time that far away.
    #[cfg_attr(feature = "testing", track_caller)]
    pub fn dispatch_after<T: Task>(
        &self,
        delay: Duration,
        task: T,
    ) -> impl Future<Output = Result<(), DispatchError<T::Error>>> + Send {
        self.later(SystemTime::now().checked_add(delay), task, Origin::of_caller())
    }

    /// Has `task` done by its handler in another process when it is `due`: not before, and as soon after as the transport can. In
    /// the past is at once.
    ///
    /// It is over when the transport keeps the task, which then needs neither this process nor the caller: their time-outs end
    /// with the call. The layers of this bus see the call now, those of the other one see the task when it is due. It keeps its
    /// ids, but how deep it is nested is not counted on: a task may have itself done again, for ever.
    ///
    /// ```
    /// use std::time::{Duration, SystemTime};
    /// # use linkbus::{Bus, Task, transport::{Answer, Completion, Features, Parcel, Transport, Undelivered}};
    /// # #[derive(Task, serde::Serialize, serde::Deserialize)]
    /// # struct Remind { order: u32 }
    /// # struct Server;
    /// # impl Transport for Server {
    /// #     fn name(&self) -> &'static str { "server" }
    /// #     fn features(&self) -> Features {
    /// #         let mut features = Features::default();
    /// #         features.schedules = true;
    /// #         features
    /// #     }
    /// #     async fn carry(&self, parcel: Parcel) -> Result<Answer, Undelivered> {
    /// #         assert!(parcel.envelope.due.is_some());
    /// #         Ok(Answer::Done(Vec::new()))
    /// #     }
    /// # }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let transport = Server;
    /// let bus = Bus::empty().message::<Remind>().transport(transport).build()?;
    /// bus.dispatch_at(SystemTime::now() + Duration::from_secs(3600), Remind { order: 17 }).await?;
    /// bus.dispatch_after(Duration::from_secs(3600), Remind { order: 18 }).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`DispatchError::Refused`] if the task is handled on this bus, which keeps nothing for later, or if the transport, or what is
    /// behind it, does not; it is then not sent at all. Else as [`dispatch`](Self::dispatch) through that transport.
    #[cfg_attr(feature = "testing", track_caller)]
    pub fn dispatch_at<T: Task>(
        &self,
        due: SystemTime,
        task: T,
    ) -> impl Future<Output = Result<(), DispatchError<T::Error>>> + Send {
        self.later(Some(due), task, Origin::of_caller())
    }

    /// Has `command` executed in another process when `delay` is over: see [`dispatch_at`](Self::dispatch_at).
    ///
    /// # Errors
    /// As [`dispatch_after`](Self::dispatch_after).
    #[cfg_attr(feature = "testing", track_caller)]
    pub fn execute_after<C: Command>(
        &self,
        delay: Duration,
        command: C,
    ) -> impl Future<Output = Result<(), ExecuteError<C::Error>>> + Send {
        self.later(SystemTime::now().checked_add(delay), command, Origin::of_caller())
    }

    /// Has `command` executed in another process when it is `due`: see [`dispatch_at`](Self::dispatch_at).
    ///
    /// # Errors
    /// As [`dispatch_at`](Self::dispatch_at).
    #[cfg_attr(feature = "testing", track_caller)]
    pub fn execute_at<C: Command>(
        &self,
        due: SystemTime,
        command: C,
    ) -> impl Future<Output = Result<(), ExecuteError<C::Error>>> + Send {
        self.later(Some(due), command, Origin::of_caller())
    }

    async fn later<M: OneHandler>(&self, due: Option<SystemTime>, message: M, origin: Origin) -> Dispatched<M> {
        let Some(due) = due else {
            let failure = LayerFailure::Refused("there is no time that far away: take a shorter delay".into());
            return Err(M::Failure::by_layer(failure, M::FACTS));
        };
        #[cfg(feature = "testing")]
        if let Some(leg) = Leg::begin(self.edge.as_ref(), M::FACTS, origin) {
            let bus = self.at(leg.edge());
            return Box::pin(leg.follow::<M>(bus.keep(due, message, origin))).await;
        }
        self.keep(due, message, origin).await
    }

    /// Gives the message to whoever keeps it until it is due.
    async fn keep<M: OneHandler>(&self, due: SystemTime, message: M, origin: Origin) -> Dispatched<M> {
        if let Some(layered) = self.core.table.around::<M>().filter(|layered| layered.is_elsewhere()) {
            return layer::run_later(self, layered, due, message, origin).await;
        }
        let is_handled = self.core.wiring.route::<M>().is_some_and(|route| !route.handlers.is_empty());
        #[cfg(feature = "testing")]
        if let Some(layered) = self.core.stage(M::FACTS).filter(|_| !is_handled) {
            return layer::run_later(self, &layered, due, message, origin).await;
        }
        let failure =
            if is_handled { LayerFailure::Refused(handled_here::<M>().into()) } else { LayerFailure::NoHandler };
        Err(M::Failure::by_layer(failure, M::FACTS))
    }
}

fn handled_here<M: OneHandler>() -> String {
    let name = M::FACTS.name;
    format!(
        "`{name}` is handled on this bus, which keeps nothing for later: have it handled by another process, through a \
         transport that keeps messages until they are due, or wait and dispatch it then"
    )
}
