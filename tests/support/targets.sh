# For ./dev and tests/mutants/run.sh. test_targets FOLDER REGEX: the targets of build FOLDER that the tests matching REGEX
# need: the modules before the colon ("^store: …", "^(vm|cell): …"), else everything.
test_targets() {
  local modules=() module targets=()
  if [[ $2 =~ ^\^\(?([a-z|]+)\)?:\  ]]; then IFS='|' read -ra modules <<<"${BASH_REMATCH[1]}"; fi
  for module in "${modules[@]}"; do
    if [[ $module == hostile ]]; then module=cell; fi  # the program that runs the corpus
    if ninja -C "$1" -t query "tests_$module" >/dev/null 2>&1; then targets+=("tests_$module"); fi
  done
  if ((${#targets[@]} == 0 || ${#targets[@]} < ${#modules[@]})); then targets=(all); fi
  printf '%s\n' "${targets[@]}"
}
