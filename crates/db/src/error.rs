//! What can go wrong with the database, sorted by what a caller may do about it.

use sea_orm::{DbErr, RuntimeErr};

/// A failure of the database.
#[derive(Debug, thiserror::Error)]
pub enum DbError {
    /// The server answered with an error.
    #[error("the database refused a statement (SQLSTATE {code}): {message}")]
    Refused {
        /// Five characters of SQLSTATE.
        code: String,
        /// The server's message, for the log only.
        message: String,
    },
    /// The connection is gone; whether a commit took effect is unknown.
    #[error("the connection to the database is lost: {0}")]
    Lost(String),
    /// A row does not hold what its table promises.
    #[error("a row of the database is not as its table promises: {0}")]
    Corrupt(String),
    /// Anything else of the driver.
    #[error("the database driver failed: {0}")]
    Driver(String),
}

/// What a writer does about a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recovery {
    /// The data is refused (class 22 or 23): find the command that it came from.
    Isolate,
    /// A conflict with another transaction (40001, 40P01): run again.
    Retry,
    /// The connection is lost: look up what took effect, then run what is missing again.
    Reconnect,
    /// Nothing helps.
    GiveUp,
}

impl DbError {
    /// Sorts the failure.
    #[must_use]
    pub fn recovery(&self) -> Recovery {
        match self {
            Self::Refused { code, .. } if code.starts_with("22") || code.starts_with("23") => {
                Recovery::Isolate
            }
            Self::Refused { code, .. } if code == "40001" || code == "40P01" => Recovery::Retry,
            // 57P01..57P03: the server is stopping or starting; 08: connection exceptions;
            // 25P03: an idle transaction was cut; 53300: no connection to be had now.
            Self::Refused { code, .. }
                if code.starts_with("57P")
                    || code.starts_with("08")
                    || code == "25P03"
                    || code == "53300" =>
            {
                Recovery::Reconnect
            }
            Self::Lost(_) => Recovery::Reconnect,
            Self::Refused { .. } | Self::Corrupt(_) | Self::Driver(_) => Recovery::GiveUp,
        }
    }

    /// The SQLSTATE, when the server gave one.
    #[must_use]
    pub fn code(&self) -> Option<&str> {
        match self {
            Self::Refused { code, .. } => Some(code),
            Self::Lost(_) | Self::Corrupt(_) | Self::Driver(_) => None,
        }
    }
}

impl From<DbErr> for DbError {
    fn from(error: DbErr) -> Self {
        let runtime = match &error {
            DbErr::Conn(inner) | DbErr::Exec(inner) | DbErr::Query(inner) => inner,
            DbErr::ConnectionAcquire(_) => return Self::Lost(error.to_string()),
            _ => return Self::Driver(error.to_string()),
        };
        let RuntimeErr::SqlxError(source) = runtime else {
            return Self::Driver(error.to_string());
        };
        match source.as_ref() {
            sqlx::Error::Database(database) => Self::Refused {
                code: database.code().map(std::borrow::Cow::into_owned).unwrap_or_default(),
                message: database.message().to_owned(),
            },
            sqlx::Error::Io(_)
            | sqlx::Error::Tls(_)
            | sqlx::Error::Protocol(_)
            | sqlx::Error::PoolTimedOut
            | sqlx::Error::PoolClosed
            | sqlx::Error::BeginFailed
            | sqlx::Error::WorkerCrashed => Self::Lost(source.to_string()),
            _ => Self::Driver(source.to_string()),
        }
    }
}
