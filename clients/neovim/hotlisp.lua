-- Hotlisp for Neovim, with nothing but Neovim's own LSP client.
-- Copy this file to ~/.config/nvim/lsp/hotlisp.lua and put vim.lsp.enable('hotlisp') into your init.lua (Neovim 0.11 and newer;
-- README.md has the lines for 0.10).
return {
  cmd = { 'hotlisp', '--stdio' },
  filetypes = { 'lisp' },
  -- The folder of the system definition, else the repository, else the file's own folder.
  root_dir = function(buffer, on_dir)
    local system = vim.fs.root(buffer, function(name)
      return name:match('%.asd$') ~= nil
    end)
    on_dir(system or vim.fs.root(buffer, '.git') or vim.fs.dirname(vim.api.nvim_buf_get_name(buffer)))
  end,
  -- What no code action stands for. The outcome comes as a message.
  on_attach = function(_, buffer)
    local function command(name, id, description)
      vim.api.nvim_buf_create_user_command(buffer, name, function()
        local params = { command = id, arguments = { { background = true } } }
        vim.lsp.buf_request(buffer, 'workspace/executeCommand', params, function(failure)
          if failure then
            vim.notify(failure.message, vim.log.levels.ERROR)
          end
        end)
      end, { desc = description })
    end
    command('HotlispRollback', 'hotlisp.rollback', 'Take the last change of the image back, after asking')
    command('HotlispRedo', 'hotlisp.redo', 'Make the change again that was taken back, after asking')
    command('HotlispRestart', 'hotlisp.image_restart', 'Start the image anew')
  end,
  settings = {
    -- Everything under "Settings" in Hotlisp's README can stand here, for example
    -- hotlisp = { image = { mode = 'attach', address = '127.0.0.1:4005' } },
    hotlisp = vim.empty_dict(),
  },
}
