-- The three roles of an installation: who owns the tables, who the programs are, who the look-ups across tenants run as.
-- Run once by the image's first start; psql fills in the two passwords.
CREATE ROLE hub_owner LOGIN PASSWORD :'owner_password';
CREATE ROLE hub_app LOGIN NOSUPERUSER NOBYPASSRLS PASSWORD :'app_password';
CREATE ROLE hub_lookup NOLOGIN BYPASSRLS;
GRANT hub_lookup TO hub_owner;
ALTER DATABASE hub OWNER TO hub_owner;
