//! The pure fold from contract facts to accounting: allocation, plan, movements, balances.
