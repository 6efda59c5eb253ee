-- SPDX-License-Identifier: GPL-3.0-or-later
--
-- schema_4.sql: results.db, from version 3 to 4: the field's word for binarisation at every access is "dynamic", not "fresh".

UPDATE param SET value = 'dynamic' WHERE name = 'binarise' AND value = 'fresh';
UPDATE setting SET value = 'dynamic' WHERE name = 'binarise' AND value = 'fresh';
UPDATE run SET data = replace(data, 'fresh binarisation', 'dynamic binarisation');
UPDATE sweep SET settings = replace(settings, '"binarise":"fresh"', '"binarise":"dynamic"');
UPDATE claim SET quantity = replace(quantity, 'binarise=fresh', 'binarise=dynamic');
