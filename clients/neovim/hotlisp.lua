-- Hotlisp for Neovim 0.11 and newer, with nothing but Neovim's own LSP client.
-- Copy this file to ~/.config/nvim/lsp/hotlisp.lua and put vim.lsp.enable('hotlisp') into your init.lua.
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
  settings = {
    -- Everything under "Settings" in Hotlisp's README can stand here, for example
    -- hotlisp = { image = { mode = 'attach', address = '127.0.0.1:4005' } },
    hotlisp = vim.empty_dict(),
  },
}
