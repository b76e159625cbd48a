//! Load: clients that sign contracts and issue invoices, and remember what they were told. Bounded in
//! count; what happens to it is told by counts too, never by the clock.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use backlog_ids::{AccountId, TenantId};
use backlog_proto::contract::v1::contract_service_client::ContractServiceClient;
use backlog_proto::contract::v1::invoice_service_client::InvoiceServiceClient;
use backlog_proto::contract::v1::{IssueInvoiceRequest, SignContractRequest};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tonic::transport::Channel;
use tonic::{Code, Status};

use crate::people::Caller;
use crate::stack::Stack;
use crate::story::{date, invoice, sign, year_of_service};

/// Minor units of each contract's price.
pub const PRICE: i64 = 120_000;
/// Minor units of each invoice.
pub const INVOICE: i64 = 10_000;
/// Invoices after each signature.
const INVOICES: u32 = 2;
/// A pause before the next attempt, so that a service that is away is not flooded.
const PAUSE: Duration = Duration::from_millis(20);
/// Longer than any answer takes; what a hung call ends with is settled later.
const GIVE_UP: Duration = Duration::from_secs(20);

/// A set of books under load.
#[derive(Debug, Clone)]
pub struct Books {
    /// The tenant.
    pub tenant: TenantId,
    /// Its administrator.
    pub caller: Caller,
}

impl Stack {
    /// Tenants of one account with their administrators.
    pub async fn many_books(&self, name: &str, count: usize) -> Vec<Books> {
        let account = self.account(name).await;
        let mut books = Vec::with_capacity(count);
        for number in 0..count {
            books.push(self.further_books(account, &format!("{name}-{number}")).await);
        }
        books
    }

    /// One more tenant of an account.
    pub async fn further_books(&self, account: AccountId, name: &str) -> Books {
        let tenant = self.tenant(account, name).await;
        Books { tenant, caller: self.caller(account, tenant, &["tenant_admin"]) }
    }
}

/// A call that writes.
#[expect(clippy::large_enum_variant, reason = "most are signs, and they are not kept")]
#[derive(Debug, Clone)]
pub enum Request {
    /// Signs a contract.
    Sign(SignContractRequest),
    /// Issues an invoice.
    Invoice(IssueInvoiceRequest),
}

impl Request {
    /// Its idempotency key.
    #[must_use]
    pub fn request_id(&self) -> &str {
        match self {
            Self::Sign(request) => &request.request_id,
            Self::Invoice(request) => &request.request_id,
        }
    }
}

/// A call of one tenant.
#[derive(Debug, Clone)]
pub struct Command {
    /// Whose.
    pub books: Books,
    /// What.
    pub request: Request,
}

/// What was answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The contract or invoice.
    pub id: String,
    /// Place in the contract log.
    pub seq: u64,
}

impl Command {
    /// Sends it once.
    ///
    /// # Errors
    /// As answered, or as the transport failed.
    pub async fn send(&self, channel: &Channel) -> Result<Answer, Status> {
        let caller = &self.books.caller;
        let (id, position) = match &self.request {
            Request::Sign(request) => {
                let mut request = caller.request(request.clone());
                request.set_timeout(GIVE_UP);
                let mut client = ContractServiceClient::new(channel.clone());
                let answer = client.sign_contract(request).await?.into_inner();
                (answer.contract.expect("a contract").contract_id, answer.position)
            }
            Request::Invoice(request) => {
                let mut request = caller.request(request.clone());
                request.set_timeout(GIVE_UP);
                let mut client = InvoiceServiceClient::new(channel.clone());
                let answer = client.issue_invoice(request).await?.into_inner();
                (answer.invoice.expect("an invoice").invoice_id, answer.position)
            }
        };
        Ok(Answer { id, seq: position.expect("a position").seq })
    }

    /// Sends it until it is answered.
    pub async fn settle(&self, channel: &Channel) -> Answer {
        loop {
            match self.send(channel).await {
                Ok(answer) => return answer,
                Err(status) => {
                    assert!(is_unclear(&status), "{} is refused: {status}", self.request_id());
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    }

    /// Its idempotency key.
    #[must_use]
    pub fn request_id(&self) -> &str {
        self.request.request_id()
    }
}

/// Whether a failure leaves open what happened, so that the call is to be repeated.
#[must_use]
pub fn is_unclear(status: &Status) -> bool {
    matches!(
        status.code(),
        Code::Unavailable
            | Code::Internal
            | Code::Unknown
            | Code::Cancelled
            | Code::DeadlineExceeded
            | Code::ResourceExhausted
    )
}

/// What the clients were told.
#[derive(Debug, Default)]
pub struct Ledger {
    /// Answered, with the first answer.
    pub acknowledged: Vec<(Command, Answer)>,
    /// Not answered: written or not, nobody told.
    pub unsettled: Vec<Command>,
}

/// How much load.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    /// Clients of each tenant, one call in flight each.
    pub clients: usize,
    /// What each does: signs a contract and invoices it twice, this often.
    pub rounds: u32,
    /// Commands that may be begun at first; [`Load::allow`] lets further ones follow. All, if none
    /// is given.
    pub first: Option<usize>,
    /// Of the clients' choices.
    pub seed: u64,
}

/// Load that runs.
#[derive(Debug)]
pub struct Load {
    clients: JoinSet<()>,
    ledger: Arc<Mutex<Ledger>>,
    progress: watch::Receiver<usize>,
    allowed: Arc<Semaphore>,
}

struct Client {
    name: String,
    books: Books,
    channel: Channel,
    rounds: u32,
    choices: StdRng,
    ledger: Arc<Mutex<Ledger>>,
    progress: Arc<watch::Sender<usize>>,
    allowed: Arc<Semaphore>,
}

impl Load {
    /// Starts the clients; they share the channels evenly.
    #[must_use]
    pub fn start(name: &str, books: &[Books], channels: &[Channel], plan: Plan) -> Self {
        let ledger = Arc::new(Mutex::new(Ledger::default()));
        let (progress, seen) = watch::channel(0);
        let progress = Arc::new(progress);
        let allowed = Arc::new(Semaphore::new(plan.first.unwrap_or(Semaphore::MAX_PERMITS)));
        let mut clients = JoinSet::new();
        let mut channels = channels.iter().cycle();
        for (number, books) in books.iter().enumerate() {
            for client in 0..plan.clients {
                let seed = plan.seed.wrapping_mul(1_000_003).wrapping_add(
                    u64::try_from(number * plan.clients + client).expect("a small number"),
                );
                let client = Client {
                    name: format!("{name}-{number}-{client}"),
                    books: books.clone(),
                    channel: channels.next().expect("a channel").clone(),
                    rounds: plan.rounds,
                    choices: StdRng::seed_from_u64(seed),
                    ledger: Arc::clone(&ledger),
                    progress: Arc::clone(&progress),
                    allowed: Arc::clone(&allowed),
                };
                clients.spawn(client.run());
            }
        }
        Self { clients, ledger, progress: seen, allowed }
    }

    /// How many commands are acknowledged so far.
    #[must_use]
    pub fn count(&self) -> usize {
        *self.progress.borrow()
    }

    /// Lets this many further commands begin.
    pub fn allow(&self, count: usize) {
        self.allowed.add_permits(count);
    }

    /// Waits until this many commands are acknowledged in all. The load must not have ended by then:
    /// what happens next happens under load.
    pub async fn reached(&mut self, count: usize) {
        let reached = self.progress.wait_for(|acknowledged| *acknowledged >= count).await;
        assert!(reached.is_ok(), "the load ended before {count} commands were acknowledged");
    }

    /// Lets all commands begin, waits until the clients are done, and answers what they were told.
    pub async fn finish(mut self) -> Ledger {
        self.allowed.add_permits(Semaphore::MAX_PERMITS - self.allowed.available_permits());
        while let Some(ended) = self.clients.join_next().await {
            ended.expect("a client that was never refused");
        }
        std::mem::take(&mut self.ledger.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Client {
    async fn run(mut self) {
        for round in 0..self.rounds {
            let id = format!("{}-{round}", self.name);
            let terms = year_of_service("1200.00");
            let signed = self.carry_out(Request::Sign(sign(&id, terms))).await;
            // Without its id it cannot be invoiced.
            let Some(contract) = signed else { continue };
            for number in 1..=INVOICES {
                let id = format!("{id}-invoice-{number}");
                let issued = date(2026, i32::try_from(number).expect("a month"), 1);
                let request = invoice(&id, &contract.id, "100.00", issued);
                self.carry_out(Request::Invoice(request)).await;
            }
        }
    }

    /// Sends until answered; some of those whose outcome is unclear are left so.
    async fn carry_out(&mut self, request: Request) -> Option<Answer> {
        self.allowed.acquire().await.expect("never closed").forget();
        let command = Command { books: self.books.clone(), request };
        let answer = match command.send(&self.channel).await {
            Ok(answer) => answer,
            Err(status) => {
                assert!(is_unclear(&status), "{} is refused: {status}", command.request_id());
                tokio::time::sleep(PAUSE).await;
                if self.choices.random_ratio(1, 4) {
                    self.note(|ledger| ledger.unsettled.push(command));
                    return None;
                }
                command.settle(&self.channel).await
            }
        };
        let told = answer.clone();
        self.note(|ledger| ledger.acknowledged.push((command, told)));
        self.progress.send_modify(|count| *count = count.saturating_add(1));
        Some(answer)
    }

    fn note(&self, change: impl FnOnce(&mut Ledger)) {
        change(&mut self.ledger.lock().unwrap_or_else(PoisonError::into_inner));
    }
}
