-- Statistics of lists of numbers, and the test by which an improvement is accepted.

local abs, exp, floor, sqrt = math.abs, math.exp, math.floor, math.sqrt

local statistics = { api = 1 }

local MOST_EXACT = 50            -- differences: 2^50 sign patterns are still counted exactly by doubles
local MOST_EXACT_WITH_TIES = 25

-- Raises unless `list` is a list of at least `least` finite numbers.
local function check_list(name, list, least)
  if type(list) ~= "table" then error("statistics." .. name .. ": a list of numbers is needed, not a " .. type(list), 3) end
  for index = 1, #list do
    local value = list[index]
    if type(value) ~= "number" or value ~= value or abs(value) == math.huge then
      error("statistics." .. name .. ": element " .. index .. " is no finite number: " .. tostring(value), 3)
    end
  end
  if #list < least then
    error("statistics." .. name .. ": at least " .. least .. " numbers are needed, not " .. #list, 3)
  end
end

-- The arithmetic mean.
function statistics.mean(list)
  check_list("mean", list, 1)
  local sum = 0
  for _, value in ipairs(list) do sum = sum + value end
  return sum / #list
end

-- The quantile for a share from 0 to 1, linear between neighbours (type 7 of R. J. Hyndman and Y. Fan, The American
-- Statistician 50 (1996) 361-365).
function statistics.quantile(list, share)
  check_list("quantile", list, 1)
  if type(share) ~= "number" or not (share >= 0 and share <= 1) then
    error("statistics.quantile: the share is a number from 0 to 1, not " .. tostring(share), 2)
  end
  local sorted = {}
  for index, value in ipairs(list) do sorted[index] = value end
  table.sort(sorted)
  local place = 1 + (#sorted - 1) * share
  local below = floor(place)
  local above = sorted[below + 1] or sorted[below]
  return sorted[below] + (place - below) * (above - sorted[below])
end

-- The middle value, or the mean of the two.
function statistics.median(list)
  check_list("median", list, 1)
  return statistics.quantile(list, 0.5)
end

-- P(Z > z) of the standard normal distribution, by the complementary error function of W. H. Press et al., Numerical
-- Recipes, 2nd edition, section 6.2 (relative error below 1.2e-7).
local function upper_tail(z)
  local x = abs(z) / sqrt(2)
  local t = 1 / (1 + 0.5 * x)
  local tail = t * exp(-x * x - 1.26551223 + t * (1.00002368 + t * (0.37409196 + t * (0.09678418 + t * (-0.18628806 +
    t * (0.27886807 + t * (-1.13520398 + t * (1.48851587 + t * (-0.82215223 + t * 0.17087277))))))))) / 2
  return z >= 0 and tail or 1 - tail
end

-- The ranks of |differences|, ties sharing the mean of their places; doubled, so that they are integers. Also the sum
-- of t^3 - t over groups of t ties.
local function doubled_ranks(differences)
  local places = {}
  for index = 1, #differences do places[index] = index end
  table.sort(places, function(a, b)
    local size_a, size_b = abs(differences[a]), abs(differences[b])
    if size_a ~= size_b then return size_a < size_b end
    return a < b
  end)
  local ranks, ties, first = {}, 0, 1
  while first <= #places do
    local last = first
    while last < #places and abs(differences[places[last + 1]]) == abs(differences[places[first]]) do last = last + 1 end
    for place = first, last do ranks[places[place]] = first + last end
    local group = last - first + 1
    ties = ties + group ^ 3 - group
    first = last + 1
  end
  return ranks, ties
end

-- P(sum of the ranks of a random half of the signs >= doubled_sum), by counting all sign patterns.
local function exact_tail(ranks, doubled_sum)
  local most = 0
  for _, rank in ipairs(ranks) do most = most + rank end
  local patterns = { [0] = 1 }
  for sum = 1, most do patterns[sum] = 0 end
  for _, rank in ipairs(ranks) do
    for sum = most, rank, -1 do patterns[sum] = patterns[sum] + patterns[sum - rank] end
  end
  local count = 0
  for sum = doubled_sum, most do count = count + patterns[sum] end
  return count / 2 ^ #ranks
end

-- The one-sided Wilcoxon signed-rank test for paired data (F. Wilcoxon, Biometrics Bulletin 1 (1945) 80-83): are the
-- differences shifted above 0? Differences of 0 are left out. Exact for up to 25 differences, and for up to 50 without
-- ties; beyond that the normal approximation with corrections for ties and continuity (M. Hollander and D. A. Wolfe,
-- Nonparametric Statistical Methods, 2nd edition, section 3.1). Returns { p, w = the rank sum of the positive ones,
-- n = differences that are not 0, exact }. Without any difference p is 1.
function statistics.wilcoxon(differences)
  check_list("wilcoxon", differences, 0)
  local kept = {}
  for _, difference in ipairs(differences) do
    if difference ~= 0 then kept[#kept + 1] = difference end
  end
  local n = #kept
  if n == 0 then return { p = 1, w = 0, n = 0, exact = true } end
  local ranks, ties = doubled_ranks(kept)
  local doubled = 0
  for index = 1, n do
    if kept[index] > 0 then doubled = doubled + ranks[index] end
  end
  local w = doubled / 2
  if n <= MOST_EXACT_WITH_TIES or (ties == 0 and n <= MOST_EXACT) then
    return { p = exact_tail(ranks, doubled), w = w, n = n, exact = true }
  end
  local mean = n * (n + 1) / 4
  local deviation = sqrt(n * (n + 1) * (2 * n + 1) / 24 - ties / 48)
  return { p = upper_tail((w - mean - 0.5) / deviation), w = w, n = n, exact = false }
end

return statistics
