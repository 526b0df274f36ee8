-- What a person does in a headless Neovim, opened on the web application's file, with Neovim's own functions. Every step of a
-- scenario is reported as one line of JSON on standard output.
local person = {}

function person.report(step, data)
  io.stdout:write(vim.json.encode(vim.tbl_extend('force', { step = step }, data or {})) .. '\n')
  io.stdout:flush()
end

function person.wait(what, condition)
  if not vim.wait(60000, condition, 10) then
    error('waited for ' .. what)
  end
end

function person.may_go_on(name)
  return vim.uv.fs_stat(vim.env.HOTLISP_TEST_FOLDER .. '/' .. name) ~= nil
end

function person.go_on(name)
  person.wait('the test to go on: ' .. name, function()
    return person.may_go_on(name)
  end)
end

-- The person: chooses a code action by its title and answers prompts in the order of the script. An answer is a title, a number of
-- seconds to wait before the next answer, 'silence', or { after = NAME }: the next answer waits for the test to go on.
person.answers, person.prompts, person.messages, person.progress = {}, {}, {}, {}
local wanted_action
vim.ui.select = function(items, options, on_choice)
  local format = options.format_item or tostring
  local titles = vim.tbl_map(format, items)
  if options.kind == 'codeaction' then
    for number, title in ipairs(titles) do
      if vim.startswith(title, wanted_action) then
        return on_choice(items[number], number)
      end
    end
    error('no code action ' .. wanted_action .. ' among ' .. table.concat(titles, ', '))
  end
  table.insert(person.prompts, { kind = options.kind, prompt = options.prompt, titles = titles })
  local function answer()
    local given = table.remove(person.answers, 1)
    if type(given) == 'number' then
      return vim.defer_fn(answer, given * 1000)
    elseif type(given) == 'table' then
      if not person.may_go_on(given.after) then
        table.insert(person.answers, 1, given)
      end
      return vim.defer_fn(answer, 50)
    elseif given == 'silence' then
      return
    end
    for number, title in ipairs(titles) do
      if title == given then
        return on_choice(items[number], number)
      end
    end
    on_choice(nil, nil)
  end
  answer()
end

local show = vim.lsp.handlers['window/showMessage']
vim.lsp.handlers['window/showMessage'] = function(err, params, ctx, config)
  table.insert(person.messages, params.message)
  return show and show(err, params, ctx, config)
end
vim.api.nvim_create_autocmd('LspProgress', {
  callback = function(event)
    table.insert(person.progress, event.data.params.value.title)
  end,
})

-- The message, once it came.
function person.told(pattern)
  local found
  person.wait('a message like ' .. pattern, function()
    for _, message in ipairs(person.messages) do
      if message:lower():find(pattern) then
        found = message
        return true
      end
    end
    return false
  end)
  return found
end

function person.replace(old, new)
  for number, line in ipairs(vim.api.nvim_buf_get_lines(0, 0, -1, false)) do
    local from, to = line:find(old, 1, true)
    if from then
      vim.api.nvim_buf_set_text(0, number - 1, from - 1, number - 1, to, { new })
      return
    end
  end
  error(old .. ' is not in the buffer')
end

function person.asked()
  person.wait('the prompt', function()
    return #person.prompts > 0
  end)
end

function person.act(title, place, ...)
  person.messages, person.prompts, person.answers = {}, {}, { ... }
  wanted_action = title
  vim.fn.search(place, 'w')
  vim.lsp.buf.code_action()
  person.asked()
end

function person.errors()
  return vim.tbl_filter(function(each)
    return each.severity == vim.diagnostic.severity.ERROR
  end, vim.diagnostic.get(0))
end

function person.error_at_place()
  person.wait('a diagnostic', function()
    return #person.errors() > 0
  end)
  local found = person.errors()[1]
  local line = vim.api.nvim_buf_get_lines(0, found.lnum, found.lnum + 1, false)[1]
  return { message = found.message, text = line:sub(found.col + 1) }
end

function person.attached()
  local client
  person.wait('the server', function()
    client = vim.lsp.get_clients({ name = 'hotlisp', bufnr = 0 })[1]
    return client ~= nil and client.initialized
  end)
  return client
end

local is_new = vim.fn.has('nvim-0.11') == 1
function person.call(client, method, ...)
  if is_new then
    return client[method](client, ...)
  end
  return client[method](...)
end

function person.process_of_server()
  local answer
  local handle = io.popen('ps -o pid= -o args= --ppid ' .. vim.uv.os_getpid())
  for line in handle:lines() do
    answer = answer or (line:find('hotlisp.js', 1, true) and tonumber(line:match('%d+')))
  end
  handle:close()
  return answer or error('no server among the processes')
end

function person.roll_back()
  person.messages, person.prompts, person.answers = {}, {}, { 'Approve' }
  vim.cmd.HotlispRollback()
  person.asked()
end

-- Runs a scenario and ends Neovim; what went wrong is reported as a step.
function person.run(scenario)
  local ok, failure = xpcall(scenario, debug.traceback)
  if not ok then
    local seen = { messages = person.messages, prompts = person.prompts, progress = person.progress }
    person.report('failed', vim.tbl_extend('error', seen, { error = failure }))
  end
  vim.cmd(ok and 'qall!' or 'cquit! 1')
end

-- Stops the servers, as the end of Neovim does.
function person.leave()
  for _, each in ipairs(vim.lsp.get_clients()) do
    person.call(each, 'stop')
  end
  person.wait('the server to end', function()
    return #vim.lsp.get_clients() == 0
  end)
end

return person
