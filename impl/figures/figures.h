// figures.h — all groups of figures, in the order of result.json. figure.h explains them.
#pragma once

#include "impl/figures/fault_figures.h"
#include "impl/figures/ladder_figures.h"
#include "impl/figures/load_figures.h"
#include "impl/figures/router_figures.h"
#include "impl/figures/run_figures.h"

namespace prefixmesh {

inline constexpr const FigureGroup* kFigureGroups[] = {
    &kMachineGroup,    &kTrustGroup,  &kLoadGroup,      &kRoutingGroup, &kLadderGroup, &kPlacementsGroup,
    &kVisibilityGroup, &kKilledGroup, &kPartitionGroup, &kJoinGroup,    &kStopGroup,   &kClearGroup,
    &kRestartGroup,    &kRouterGroup, &kWorkersGroup,   &kLoadgenGroup,
};

}  // namespace prefixmesh
