SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;
CREATE SCHEMA paymentd;
SET default_tablespace = '';
SET default_table_access_method = heap;
CREATE TABLE paymentd.claims (
    id bigint NOT NULL,
    subscriber_id bigint NOT NULL,
    stream_id bigint NOT NULL,
    generation bigint NOT NULL,
    first_entry bigint,
    last_entry bigint,
    since timestamp with time zone NOT NULL,
    instance text NOT NULL,
    retries bigint[],
    CONSTRAINT claims_check CHECK ((last_entry >= first_entry)),
    CONSTRAINT claims_check1 CHECK (((retries IS NULL) = (first_entry IS NOT NULL))),
    CONSTRAINT claims_check2 CHECK (((first_entry IS NULL) = (last_entry IS NULL)))
)
WITH (autovacuum_vacuum_scale_factor='0', autovacuum_vacuum_threshold='1000');
ALTER TABLE paymentd.claims ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME paymentd.claims_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE paymentd.cursors (
    subscriber_id bigint NOT NULL,
    stream_id bigint NOT NULL,
    "position" bigint NOT NULL,
    kept_from bigint NOT NULL,
    CONSTRAINT cursors_check CHECK (("position" >= kept_from)),
    CONSTRAINT cursors_kept_from_check CHECK ((kept_from >= 0))
)
WITH (fillfactor='10', autovacuum_vacuum_scale_factor='0', autovacuum_vacuum_threshold='1000');
CREATE TABLE paymentd.deliveries (
    subscriber_id bigint NOT NULL,
    entry_id bigint NOT NULL,
    created_at timestamp with time zone NOT NULL,
    updated_at timestamp with time zone NOT NULL,
    next_attempt_at timestamp with time zone,
    attempts bigint NOT NULL,
    status smallint NOT NULL,
    provider_message_id text,
    last_error text,
    delivered_at timestamp with time zone
);
CREATE TABLE paymentd.id_blocks (
    kind text NOT NULL,
    next bigint NOT NULL
);
CREATE TABLE paymentd.ledger_entries (
    id bigint NOT NULL,
    user_id bigint NOT NULL,
    sequence bigint NOT NULL,
    order_id bigint,
    amount bigint NOT NULL,
    balance_after bigint NOT NULL,
    created_at timestamp with time zone NOT NULL,
    kind smallint NOT NULL
);
CREATE TABLE paymentd.meta (
    name text NOT NULL,
    value text NOT NULL
);
CREATE TABLE paymentd.orders (
    id bigint NOT NULL,
    user_id bigint NOT NULL,
    total bigint NOT NULL,
    discount bigint NOT NULL,
    coupon_id bigint,
    payment_entry_id bigint,
    refund_entry_id bigint,
    created_at timestamp with time zone NOT NULL,
    updated_at timestamp with time zone NOT NULL,
    status smallint NOT NULL
)
WITH (fillfactor='45');
CREATE TABLE paymentd.result_marks (
    subscriber_id bigint NOT NULL,
    read_until timestamp with time zone NOT NULL,
    lease_until timestamp with time zone NOT NULL,
    turn bigint NOT NULL
)
WITH (fillfactor='10');
CREATE TABLE paymentd.schema_migrations (
    version bigint NOT NULL,
    applied_at timestamp with time zone NOT NULL
);
CREATE TABLE paymentd.stream_epochs (
    stream_id bigint NOT NULL,
    epoch bigint NOT NULL,
    last bigint NOT NULL,
    owner text NOT NULL
);
CREATE TABLE paymentd.streams (
    id bigint NOT NULL,
    epoch bigint NOT NULL,
    next bigint NOT NULL,
    ended_next bigint NOT NULL,
    lease_until timestamp with time zone NOT NULL,
    owner text NOT NULL,
    CONSTRAINT streams_id_check CHECK (((id >= 1) AND (id <= 4095)))
)
WITH (fillfactor='10', autovacuum_vacuum_scale_factor='0', autovacuum_vacuum_threshold='1000');
CREATE TABLE paymentd.subscribers (
    id bigint NOT NULL,
    name text NOT NULL,
    wants_payments boolean NOT NULL,
    wants_refunds boolean NOT NULL,
    created_at timestamp with time zone NOT NULL
);
ALTER TABLE paymentd.subscribers ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME paymentd.subscribers_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE paymentd.users (
    id bigint NOT NULL,
    balance bigint NOT NULL,
    last_sequence bigint NOT NULL,
    created_at timestamp with time zone NOT NULL,
    phone text NOT NULL,
    CONSTRAINT users_balance_check CHECK (((balance >= 0) AND (balance <= '9007199254740991'::bigint)))
)
WITH (fillfactor='50');
INSERT INTO paymentd.claims OVERRIDING SYSTEM VALUE VALUES (3, 1, 1, 1, 2512339145108, 2512339145109, '2026-11-29 07:56:22.741+00', '70669584t1', NULL);
INSERT INTO paymentd.claims OVERRIDING SYSTEM VALUE VALUES (4, 1, 1, 1, 2512339145110, 2512339145110, '2026-11-29 07:56:22.768+00', '70669584t1', NULL);
INSERT INTO paymentd.cursors VALUES (1, 1, 313315889558, 0);
INSERT INTO paymentd.deliveries VALUES (1, 2512339145104, '2026-11-29 07:56:20.426+00', '2026-11-29 07:56:20.451+00', NULL, 1, 1, 'fake-1/1', NULL, NULL);
INSERT INTO paymentd.deliveries VALUES (1, 2512339145105, '2026-11-29 07:56:20.428+00', '2026-11-29 07:56:20.478+00', NULL, 1, 2, NULL, 'NHN refused it: -3003', NULL);
INSERT INTO paymentd.deliveries VALUES (1, 2512339145106, '2026-11-29 07:56:20.429+00', '2026-11-29 07:56:20.478+00', '2026-11-29 07:56:20.478+00', 1, 0, NULL, 'NHN: 503', NULL);
INSERT INTO paymentd.id_blocks VALUES ('users', 313315892712);
INSERT INTO paymentd.id_blocks VALUES ('orders', 313315893480);
INSERT INTO paymentd.ledger_entries VALUES (2512339145088, 313315891712, 1, NULL, 100000, 100000, '2026-11-29 07:56:20.404+00', 0);
INSERT INTO paymentd.ledger_entries VALUES (2512339145089, 313315891713, 1, NULL, 100000, 100000, '2026-11-29 07:56:20.408+00', 0);
INSERT INTO paymentd.ledger_entries VALUES (2512339145090, 313315891714, 1, NULL, 100000, 100000, '2026-11-29 07:56:20.409+00', 0);
INSERT INTO paymentd.ledger_entries VALUES (2512339145103, 313315891713, 2, NULL, 5000, 105000, '2026-11-29 07:56:20.425+00', 0);
INSERT INTO paymentd.ledger_entries VALUES (2512339145104, 313315891712, 2, 313315892480, -1000, 99000, '2026-11-29 07:56:20.426+00', 1);
INSERT INTO paymentd.ledger_entries VALUES (2512339145105, 313315891713, 3, 313315892481, -1900, 103100, '2026-11-29 07:56:20.428+00', 1);
INSERT INTO paymentd.ledger_entries VALUES (2512339145106, 313315891714, 2, 313315892482, -3000, 97000, '2026-11-29 07:56:20.429+00', 1);
INSERT INTO paymentd.ledger_entries VALUES (2512339145107, 313315891714, 3, 313315892482, 3000, 100000, '2026-11-29 07:56:22.432+00', 2);
INSERT INTO paymentd.ledger_entries VALUES (2512339145109, 313315891712, 3, 313315892483, -4000, 95000, '2026-11-29 07:56:22.739+00', 1);
INSERT INTO paymentd.ledger_entries VALUES (2512339145110, 313315891713, 4, 313315892484, -5000, 98100, '2026-11-29 07:56:22.741+00', 1);
INSERT INTO paymentd.meta VALUES ('instance', '70669584');
INSERT INTO paymentd.orders VALUES (313315892485, 313315891714, 6000, 0, NULL, NULL, NULL, '2026-11-29 07:56:20.417+00', '2026-11-29 07:56:20.417+00', 0);
INSERT INTO paymentd.orders VALUES (313315892486, 313315891712, 7000, 0, NULL, NULL, NULL, '2026-11-29 07:56:20.418+00', '2026-11-29 07:56:20.418+00', 0);
INSERT INTO paymentd.orders VALUES (313315892487, 313315891713, 8000, 0, NULL, NULL, NULL, '2026-11-29 07:56:20.419+00', '2026-11-29 07:56:20.419+00', 0);
INSERT INTO paymentd.orders VALUES (313315892489, 313315891712, 10000, 0, NULL, NULL, NULL, '2026-11-29 07:56:20.421+00', '2026-11-29 07:56:20.421+00', 0);
INSERT INTO paymentd.orders VALUES (313315892490, 313315891713, 11000, 0, NULL, NULL, NULL, '2026-11-29 07:56:20.422+00', '2026-11-29 07:56:20.422+00', 0);
INSERT INTO paymentd.orders VALUES (313315892491, 313315891714, 12000, 0, NULL, NULL, NULL, '2026-11-29 07:56:20.424+00', '2026-11-29 07:56:20.424+00', 0);
INSERT INTO paymentd.orders VALUES (313315892480, 313315891712, 1000, 0, NULL, 2512339145104, NULL, '2026-11-29 07:56:20.41+00', '2026-11-29 07:56:20.426+00', 1);
INSERT INTO paymentd.orders VALUES (313315892481, 313315891713, 2000, 100, 7, 2512339145105, NULL, '2026-11-29 07:56:20.412+00', '2026-11-29 07:56:20.428+00', 1);
INSERT INTO paymentd.orders VALUES (313315892482, 313315891714, 3000, 0, NULL, 2512339145106, 2512339145107, '2026-11-29 07:56:20.413+00', '2026-11-29 07:56:22.432+00', 3);
INSERT INTO paymentd.orders VALUES (313315892488, 313315891714, 9000, 0, NULL, NULL, NULL, '2026-11-29 07:56:20.42+00', '2026-11-29 07:56:22.436+00', 2);
INSERT INTO paymentd.orders VALUES (313315892483, 313315891712, 4000, 0, NULL, 2512339145109, NULL, '2026-11-29 07:56:20.415+00', '2026-11-29 07:56:22.739+00', 1);
INSERT INTO paymentd.orders VALUES (313315892484, 313315891713, 5000, 0, NULL, 2512339145110, NULL, '2026-11-29 07:56:20.416+00', '2026-11-29 07:56:22.741+00', 1);
INSERT INTO paymentd.schema_migrations VALUES (1, '2026-11-29 07:56:20.32+00');
INSERT INTO paymentd.schema_migrations VALUES (2, '2026-11-29 07:56:20.32+00');
INSERT INTO paymentd.schema_migrations VALUES (3, '2026-11-29 07:56:20.32+00');
INSERT INTO paymentd.streams VALUES (1, 1, 313315889559, 1, '2026-11-29 07:56:37.742021+00', 'host-1-00000001');
INSERT INTO paymentd.subscribers OVERRIDING SYSTEM VALUE VALUES (1, 'alimtalk', true, false, '2026-11-29 07:56:20.381+00');
INSERT INTO paymentd.users VALUES (313315891714, 100000, 3, '2026-11-29 07:56:20.409+00', '01012340002');
INSERT INTO paymentd.users VALUES (313315891712, 95000, 3, '2026-11-29 07:56:20.404+00', '01012340000');
INSERT INTO paymentd.users VALUES (313315891713, 98100, 4, '2026-11-29 07:56:20.408+00', '01012340001');
SELECT pg_catalog.setval('paymentd.claims_id_seq', 4, true);
SELECT pg_catalog.setval('paymentd.subscribers_id_seq', 2, true);
ALTER TABLE ONLY paymentd.claims
    ADD CONSTRAINT claims_pkey PRIMARY KEY (id);
ALTER TABLE ONLY paymentd.cursors
    ADD CONSTRAINT cursors_pkey PRIMARY KEY (subscriber_id, stream_id);
ALTER TABLE ONLY paymentd.deliveries
    ADD CONSTRAINT deliveries_pkey PRIMARY KEY (subscriber_id, entry_id);
ALTER TABLE ONLY paymentd.id_blocks
    ADD CONSTRAINT id_blocks_pkey PRIMARY KEY (kind);
ALTER TABLE ONLY paymentd.ledger_entries
    ADD CONSTRAINT ledger_entries_pkey PRIMARY KEY (id);
ALTER TABLE ONLY paymentd.meta
    ADD CONSTRAINT meta_pkey PRIMARY KEY (name);
ALTER TABLE ONLY paymentd.orders
    ADD CONSTRAINT orders_pkey PRIMARY KEY (id);
ALTER TABLE ONLY paymentd.result_marks
    ADD CONSTRAINT result_marks_pkey PRIMARY KEY (subscriber_id);
ALTER TABLE ONLY paymentd.schema_migrations
    ADD CONSTRAINT schema_migrations_pkey PRIMARY KEY (version);
ALTER TABLE ONLY paymentd.stream_epochs
    ADD CONSTRAINT stream_epochs_pkey PRIMARY KEY (stream_id, epoch);
ALTER TABLE ONLY paymentd.streams
    ADD CONSTRAINT streams_pkey PRIMARY KEY (id);
ALTER TABLE ONLY paymentd.subscribers
    ADD CONSTRAINT subscribers_name_key UNIQUE (name);
ALTER TABLE ONLY paymentd.subscribers
    ADD CONSTRAINT subscribers_pkey PRIMARY KEY (id);
ALTER TABLE ONLY paymentd.users
    ADD CONSTRAINT users_pkey PRIMARY KEY (id);
CREATE INDEX claims_by_stream ON paymentd.claims USING btree (subscriber_id, stream_id);
CREATE INDEX deliveries_undelivered ON paymentd.deliveries USING btree (subscriber_id, status, entry_id) WHERE (status <> 1);
CREATE INDEX deliveries_waiting ON paymentd.deliveries USING btree (((entry_id >> 41)), subscriber_id, next_attempt_at) WHERE (next_attempt_at IS NOT NULL);
CREATE UNIQUE INDEX ledger_entries_by_user ON paymentd.ledger_entries USING btree (user_id, sequence);
CREATE INDEX orders_by_user ON paymentd.orders USING btree (user_id, id);
CREATE UNIQUE INDEX streams_epochs ON paymentd.streams USING btree (id, epoch);
