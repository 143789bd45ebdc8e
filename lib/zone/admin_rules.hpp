// The checks of the key `admins`, for the list in validate.cpp.
#pragma once

#include <vector>

#include "zone/definition.hpp"
#include "zone/validate.hpp"

namespace zoned::zone {

/// Each administrator is one user or one group, once, and may something.
void checkAdmins(const Definition& definition, const Surroundings& surroundings, std::vector<Finding>& findings);
/// Each of them exists on this host.
void checkAccounts(const Definition& definition, const Surroundings& surroundings, std::vector<Finding>& findings);

} // namespace zoned::zone
