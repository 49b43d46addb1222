local function near(value, wanted, epsilon, what)
  if math.abs(value - wanted) > epsilon then error(what .. ": " .. value .. ", expected " .. wanted, 2) end
end

return {
  ["describes a list"] = function(skill)
    near(skill.mean({ 1, 2, 6 }), 3, 0, "mean")
    near(skill.median({ 5, 1, 3 }), 3, 0, "median")
    near(skill.median({ 4, 1, 3, 2 }), 2.5, 0, "median")
    near(skill.quantile({ 10, 20, 30, 40, 50 }, 0.1), 14, 1e-12, "quantile")
    near(skill.quantile({ 7 }, 1), 7, 0, "quantile")
  end,
  -- Depression scores before and after, Hollander and Wolfe (1973) p. 29: V = 40, one-sided p = 0.01953 (the example of
  -- R's wilcox.test).
  ["gives Hollander and Wolfe's p"] = function(skill)
    local before = { 1.83, 0.50, 1.62, 2.48, 1.68, 1.88, 1.55, 3.06, 1.30 }
    local after = { 0.878, 0.647, 0.598, 2.05, 1.06, 1.29, 1.06, 3.14, 1.29 }
    local differences = {}
    for index = 1, 9 do differences[index] = before[index] - after[index] end
    local result = skill.wilcoxon(differences)
    near(result.w, 40, 0, "W")
    near(result.p, 0.01953125, 1e-12, "p")
  end,
  -- Darwin's maize, the example of scipy.stats.wilcoxon: two-sided p = 0.041259765625; no ties.
  ["gives the p of Darwin's maize"] = function(skill)
    local result = skill.wilcoxon({ 6, 8, 14, 16, 23, 24, 28, 29, 41, -48, 49, 56, 60, -67, 75 })
    near(result.w, 96, 0, "W")
    near(result.p, 0.041259765625 / 2, 1e-12, "p")
  end,
  ["counts ties exactly while there are few"] = function(skill)
    -- 8 patterns over the ranks 1.5, 1.5, 3: the sum 6 once, 4.5 twice.
    near(skill.wilcoxon({ 1, 1, 2 }).p, 1 / 8, 1e-12, "p")
    near(skill.wilcoxon({ -1, 1, 2 }).p, 3 / 8, 1e-12, "p")
  end,
  ["approximates beyond that"] = function(skill)
    local many = {}
    for index = 1, 100 do many[index] = index % 3 == 0 and -index or index end
    local result = skill.wilcoxon(many)
    if result.exact then error("100 differences are beyond counting") end
    -- mean 2525, deviation sqrt(100 * 101 * 201 / 24) = 290.84, W = 5050 - 1683 = 3367: z = 2.893 with continuity.
    near(result.w, 3367, 0, "W")
    near(result.p, 0.001906, 0.000002, "p")
    -- The two methods meet: the same 50 differences with and without a tie of two.
    local exact, tied = {}, {}
    for index = 1, 50 do exact[index] = index % 3 == 0 and -index or index end
    for index = 1, 50 do tied[index] = exact[index] end
    tied[2] = 1
    near(skill.wilcoxon(tied).p, skill.wilcoxon(exact).p, 0.0005, "p")
  end,
  ["leaves out equal pairs"] = function(skill)
    near(skill.wilcoxon({ 0, 0 }).p, 1, 0, "nothing differs")
    near(skill.wilcoxon({ 0, 1, 2, 3, 4, 5 }).p, 1 / 32, 1e-12, "p")
  end,
  ["refuses what is no number"] = function(skill)
    for _, list in ipairs({ { 0 / 0 }, { "1" }, { 1 / 0 } }) do
      if pcall(skill.wilcoxon, list) then error("accepted " .. tostring(list[1])) end
    end
    if pcall(skill.mean, {}) then error("accepted an empty list") end
  end,
}
