"""Who pays what: checkout, plan changes, Stripe's word, and what follows when nobody pays."""
