# Before a package is closed: all its files have the time SOURCE_DATE_EPOCH (seconds since 1970), so that the same
# sources give the same package, byte for byte.
if(DEFINED ENV{SOURCE_DATE_EPOCH})
  execute_process(COMMAND find "${CPACK_TEMPORARY_DIRECTORY}" -exec touch -h -d "@$ENV{SOURCE_DATE_EPOCH}" {} +
                  COMMAND_ERROR_IS_FATAL ANY)
endif()
