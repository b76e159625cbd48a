//! Which account owns a tenant: each service answers from its own table, answers are cached.

use std::{error::Error as StdError, future::Future, pin::Pin, sync::Arc, time::Duration};

use moka::future::Cache;
use thiserror::Error;

use backlog_ids::{AccountId, TenantId};

/// What a service knows about a tenant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TenantStanding {
    /// It exists here.
    Known {
        /// The account that owns it.
        account: AccountId,
        /// Whether its writes are refused.
        suspended: bool,
    },
    /// Never heard of it.
    Unknown,
}

/// How a service answers for a tenant that it does not know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UnknownTenant {
    /// Exactly as for another account's tenant: for the service where tenants are created.
    Denied,
    /// It may still be on its way: try again.
    NotReady,
}

/// A lookup under way.
pub type Lookup<'a> = Pin<
    Box<dyn Future<Output = Result<TenantStanding, Box<dyn StdError + Send + Sync>>> + Send + 'a>,
>;

/// The tenant table of a service.
pub trait TenantDirectory: Send + Sync + 'static {
    /// Looks the tenant up; an error means that nobody can tell now. The future may be dropped.
    fn standing(&self, tenant: TenantId) -> Lookup<'_>;
}

/// Nobody can tell now.
#[derive(Debug, Clone, Error)]
#[error("the tenant registry cannot be read")]
pub struct DirectoryError(#[source] Arc<dyn StdError + Send + Sync>);

#[derive(Debug)]
enum Miss {
    Uncacheable(TenantStanding),
    Failed(Arc<dyn StdError + Send + Sync>),
}

/// A directory with a memory. Only tenants that are known and not suspended are remembered, so a
/// tenant that was just created or whose suspension was lifted works at once.
#[derive(Clone)]
pub struct TenantCache {
    directory: Arc<dyn TenantDirectory>,
    cache: Cache<TenantId, TenantStanding>,
}

impl TenantCache {
    /// Remembers up to `tenants_max` answers for `time_to_live`.
    #[must_use]
    pub fn new(
        directory: Arc<dyn TenantDirectory>,
        tenants_max: u64,
        time_to_live: Duration,
    ) -> Self {
        let cache = Cache::builder().max_capacity(tenants_max).time_to_live(time_to_live).build();
        Self { directory, cache }
    }

    /// What is known about the tenant; concurrent callers share one lookup.
    pub async fn standing(&self, tenant: TenantId) -> Result<TenantStanding, DirectoryError> {
        let answer = self.cache.try_get_with(tenant, async {
            match self.directory.standing(tenant).await {
                Ok(known @ TenantStanding::Known { suspended: false, .. }) => Ok(known),
                Ok(other) => Err(Miss::Uncacheable(other)),
                Err(error) => Err(Miss::Failed(Arc::from(error))),
            }
        });
        match answer.await {
            Ok(known) => Ok(known),
            Err(miss) => match miss.as_ref() {
                Miss::Uncacheable(standing) => Ok(*standing),
                Miss::Failed(error) => Err(DirectoryError(Arc::clone(error))),
            },
        }
    }

    /// Forgets one tenant: to be called where it is suspended.
    pub async fn forget(&self, tenant: TenantId) {
        self.cache.invalidate(&tenant).await;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    };
    use std::time::Duration;

    use backlog_ids::{AccountId, TenantId};
    use uuid::Uuid;

    use super::{Lookup, TenantCache, TenantDirectory, TenantStanding};

    /// Tenant 1 is known, 2 suspended, 3 fails, others are unknown; counts how often it was asked.
    struct Table(AtomicUsize);

    impl TenantDirectory for Table {
        fn standing(&self, tenant: TenantId) -> Lookup<'_> {
            self.0.fetch_add(1, Ordering::SeqCst);
            let account = AccountId::from_uuid(Uuid::from_u128(9));
            Box::pin(async move {
                match tenant.uuid().as_u128() {
                    1 => Ok(TenantStanding::Known { account, suspended: false }),
                    2 => Ok(TenantStanding::Known { account, suspended: true }),
                    3 => Err("no database".into()),
                    _ => Ok(TenantStanding::Unknown),
                }
            })
        }
    }

    fn id(n: u128) -> TenantId {
        TenantId::from_uuid(Uuid::from_u128(n))
    }

    /// Good news is remembered until it is forgotten; bad news is asked again each time.
    #[tokio::test]
    async fn remembers_good_news_only() {
        let table = Arc::new(Table(AtomicUsize::new(0)));
        let asked = || table.0.load(Ordering::SeqCst);
        let directory = Arc::<Table>::clone(&table);
        let cache = TenantCache::new(directory, 10, Duration::from_secs(3_600));
        for _ in 0..3 {
            let standing = cache.standing(id(1)).await.unwrap();
            assert!(matches!(standing, TenantStanding::Known { suspended: false, .. }));
        }
        assert_eq!(asked(), 1);
        cache.forget(id(1)).await;
        cache.standing(id(1)).await.unwrap();
        assert_eq!(asked(), 2);
        for _ in 0..2 {
            let suspended = cache.standing(id(2)).await.unwrap();
            assert!(matches!(suspended, TenantStanding::Known { suspended: true, .. }));
            assert_eq!(cache.standing(id(4)).await.unwrap(), TenantStanding::Unknown);
            assert!(cache.standing(id(3)).await.is_err());
        }
        assert_eq!(asked(), 8);
    }
}
