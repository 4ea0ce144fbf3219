//! What the orchestrator asks of Parall, as a trait: the client implements it, and so does the simulation of the tests.

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use http::{Method, StatusCode};
use tokio::io::AsyncWrite;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::api::socket::{self, SocketEvent};
use crate::api::{
    Agent, Chat, Client, Comment, Dispatch, Error, FileError, LocalFile, Message, MessagePage,
    NewMessage, RemoteFile, Sender, Sent, Task,
};

/// An answer of the server that is on its way.
pub type Answer<'call, T> = BoxFuture<'call, Result<T, Error>>;

/// The server. Each method is the call of the same name in [`Client`].
pub trait Server: Send + Sync + 'static {
    /// Who this agent is.
    fn agent(&self) -> Answer<'_, Agent>;
    /// Everything that is not acknowledged yet.
    fn pending_dispatches(&self) -> Answer<'_, Vec<Dispatch>>;
    /// Tells that work on a source begins.
    fn mark_received<'call>(
        &'call self,
        source_type: &'call str,
        source_id: &'call str,
    ) -> Answer<'call, ()>;
    /// Tells that a dispatch is done.
    fn acknowledge<'call>(&'call self, dispatch_id: &'call str) -> Answer<'call, ()>;
    /// A message.
    fn message<'call>(&'call self, id: &'call str) -> Answer<'call, Message>;
    /// A chat.
    fn chat<'call>(&'call self, id: &'call str) -> Answer<'call, Chat>;
    /// A task.
    fn task<'call>(&'call self, id: &'call str) -> Answer<'call, Task>;
    /// Sends a message.
    fn send_message<'call>(
        &'call self,
        chat_id: &'call str,
        message: &'call NewMessage,
    ) -> Answer<'call, Sent>;
    /// Writes a comment.
    fn add_comment<'call>(
        &'call self,
        task_id: &'call str,
        body: &'call str,
    ) -> Answer<'call, Comment>;
    /// A member of the organisation, a person or an agent. A server may not tell.
    fn member<'call>(&'call self, id: &'call str) -> Answer<'call, Sender> {
        let _ = id;
        untold()
    }
    /// The chats that an agent is in. Like the next two only asked of a server without dispatch inbox, which may not tell.
    fn chats<'call>(&'call self, agent_id: &'call str) -> Answer<'call, Vec<Chat>> {
        let _ = agent_id;
        untold()
    }
    /// Messages of a chat, newest first.
    fn messages<'call>(
        &'call self,
        chat_id: &'call str,
        before: Option<&'call str>,
        most: usize,
    ) -> Answer<'call, MessagePage> {
        let _ = (chat_id, before, most);
        untold()
    }
    /// The tasks that wait for an agent.
    fn pending_tasks<'call>(&'call self, agent_id: &'call str) -> Answer<'call, Vec<Task>> {
        let _ = agent_id;
        untold()
    }
    /// Comments on a task.
    fn comments<'call>(&'call self, task_id: &'call str) -> Answer<'call, Vec<Comment>>;
    /// Uploads a file and gives the id that a message names it by.
    fn upload_file(&self, file: LocalFile) -> Answer<'_, String> {
        let _ = file;
        untold()
    }
    /// Writes a file that a message names to `into`, and gives its length.
    fn fetch_file<'call>(
        &'call self,
        file: &'call RemoteFile<'call>,
        into: &'call mut (dyn AsyncWrite + Send + Unpin),
    ) -> BoxFuture<'call, Result<u64, FileError>> {
        let _ = (file, into);
        let status = StatusCode::NOT_FOUND.as_u16();
        let missing = FileError::Status { host: String::new(), status, retry_after: None };
        std::future::ready(Err(missing)).boxed()
    }
    /// Keeps a connection and tells what happens on it until `shutdown`.
    fn connect(
        &self,
        cursor: Option<u64>,
        events: mpsc::Sender<SocketEvent>,
        shutdown: CancellationToken,
    ) -> BoxFuture<'static, ()>;
}

/// What a server answers that does not know the question.
fn untold<'call, T: Send + 'call>() -> Answer<'call, T> {
    let error = Error::Status {
        method: Method::GET,
        path: "",
        status: StatusCode::NOT_FOUND.as_u16(),
        error_code: None,
        message: String::new(),
        retry_after: None,
    };
    std::future::ready(Err(error)).boxed()
}

impl Server for Client {
    fn agent(&self) -> Answer<'_, Agent> {
        self.agent().boxed()
    }

    fn pending_dispatches(&self) -> Answer<'_, Vec<Dispatch>> {
        self.pending_dispatches().boxed()
    }

    fn mark_received<'call>(
        &'call self,
        source_type: &'call str,
        source_id: &'call str,
    ) -> Answer<'call, ()> {
        self.mark_received(source_type, source_id).boxed()
    }

    fn acknowledge<'call>(&'call self, dispatch_id: &'call str) -> Answer<'call, ()> {
        self.acknowledge(dispatch_id).boxed()
    }

    fn message<'call>(&'call self, id: &'call str) -> Answer<'call, Message> {
        self.message(id).boxed()
    }

    fn chat<'call>(&'call self, id: &'call str) -> Answer<'call, Chat> {
        self.chat(id).boxed()
    }

    fn task<'call>(&'call self, id: &'call str) -> Answer<'call, Task> {
        self.task(id).boxed()
    }

    fn send_message<'call>(
        &'call self,
        chat_id: &'call str,
        message: &'call NewMessage,
    ) -> Answer<'call, Sent> {
        self.send_message(chat_id, message).boxed()
    }

    fn add_comment<'call>(
        &'call self,
        task_id: &'call str,
        body: &'call str,
    ) -> Answer<'call, Comment> {
        self.add_comment(task_id, body).boxed()
    }

    fn member<'call>(&'call self, id: &'call str) -> Answer<'call, Sender> {
        self.member(id).boxed()
    }

    fn chats<'call>(&'call self, agent_id: &'call str) -> Answer<'call, Vec<Chat>> {
        self.chats(agent_id).boxed()
    }

    fn messages<'call>(
        &'call self,
        chat_id: &'call str,
        before: Option<&'call str>,
        most: usize,
    ) -> Answer<'call, MessagePage> {
        self.messages(chat_id, before, most).boxed()
    }

    fn pending_tasks<'call>(&'call self, agent_id: &'call str) -> Answer<'call, Vec<Task>> {
        self.pending_tasks(agent_id).boxed()
    }

    fn comments<'call>(&'call self, task_id: &'call str) -> Answer<'call, Vec<Comment>> {
        self.comments(task_id).boxed()
    }

    fn upload_file(&self, file: LocalFile) -> Answer<'_, String> {
        self.upload_file(file).boxed()
    }

    fn fetch_file<'call>(
        &'call self,
        file: &'call RemoteFile<'call>,
        into: &'call mut (dyn AsyncWrite + Send + Unpin),
    ) -> BoxFuture<'call, Result<u64, FileError>> {
        self.fetch_file(file, into).boxed()
    }

    fn connect(
        &self,
        cursor: Option<u64>,
        events: mpsc::Sender<SocketEvent>,
        shutdown: CancellationToken,
    ) -> BoxFuture<'static, ()> {
        socket::run(self.clone(), cursor, events, shutdown).boxed()
    }
}
