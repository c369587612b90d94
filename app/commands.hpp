// The commands of the command line but `serve`: each does its work on the database that the
// settings name, prints what it did, and gives the exit code. Used by main.cpp, on the main thread.
#pragma once

#include "config/settings.hpp"
#include "db/store.hpp"

#include <functional>
#include <memory>
#include <string>

namespace paymentd {

int migrate(const config::settings& settings);
int seed(const config::settings& settings, const db::seed_plan& plan);
int audit(const config::settings& settings);
int back_up(const config::settings& settings, const std::string& file);
/// Of one subscriber, or of all where the name is empty.
int retry_notifications(const config::settings& settings, const std::string& subscriber);
/// The settings in force, once `serve` would take them.
int show_settings(const config::settings& settings);

/// Opens the database that the settings name. `lost`: as db::database_options has it.
db::result<std::unique_ptr<db::database>>
open_database(const config::settings& settings,
              std::function<void(const std::string&)> lost = nullptr);

} // namespace paymentd
