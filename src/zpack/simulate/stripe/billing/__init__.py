"""What Stripe does with subscriptions as time passes: periods, invoices, charges, dunning, schedules."""
