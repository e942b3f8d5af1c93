# The Debian packages gopher-proxy and gopher-sentinel (./dev package), and what `cmake --install` lays out.
# A package holds the stripped binary, its systemd unit, /etc/default/NAME (a conffile) and a manual page, from the
# program's own folder; the scripts, and what confines the units, are the same for both.
include(GNUInstallDirs)

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_VERSION ${GOPHER_VERSION})
set(CPACK_PACKAGE_CONTACT "GopherProxy maintainers <maintainers@gopherproxy.example>")
set(CPACK_PACKAGE_DIRECTORY ${CMAKE_BINARY_DIR}/packages)
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_COMPONENTS_ALL proxy sentinel)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION net)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)

file(READ ${CMAKE_SOURCE_DIR}/.dev/package/confinement.conf confinement)
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/.dev/package/confinement.conf)

# gopher_package(COMPONENT DESCRIPTION)
function(gopher_package component description)
  set(name gopher-${component})
  set(source ${CMAKE_SOURCE_DIR}/${component}/package)
  set(made ${CMAKE_BINARY_DIR}/debian/${name})
  string(TIMESTAMP day "%a, %d %b %Y 00:00:00 +0000" UTC)
  file(WRITE ${made}/changelog "${name} (${GOPHER_VERSION}) stable; urgency=medium\n\n"
    "  * Version ${GOPHER_VERSION}.\n\n -- ${CPACK_PACKAGE_CONTACT}  ${day}\n")
  file(WRITE ${made}/conffiles "/etc/default/${name}\n")
  configure_file(${source}/${name}.default ${made}/${name} COPYONLY)
  configure_file(${source}/${name}.service.in ${made}/${name}.service @ONLY)
  foreach(script postinst prerm postrm)
    configure_file(${CMAKE_SOURCE_DIR}/.dev/package/${script}.in ${made}/${script} @ONLY
      FILE_PERMISSIONS OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)
  endforeach()
  execute_process(COMMAND gzip -9nc ${made}/changelog OUTPUT_FILE ${made}/changelog.gz COMMAND_ERROR_IS_FATAL ANY)
  execute_process(COMMAND gzip -9nc ${source}/${name}.8 OUTPUT_FILE ${made}/${name}.8.gz COMMAND_ERROR_IS_FATAL ANY)

  install(TARGETS ${name} RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR} COMPONENT ${component})
  install(FILES ${made}/${name}.service DESTINATION lib/systemd/system COMPONENT ${component})
  # It may hold the password of Redis; systemd reads it as root.
  install(FILES ${made}/${name} DESTINATION /etc/default COMPONENT ${component}
    PERMISSIONS OWNER_READ OWNER_WRITE GROUP_READ)
  install(FILES ${made}/${name}.8.gz DESTINATION ${CMAKE_INSTALL_MANDIR}/man8 COMPONENT ${component})
  install(FILES ${made}/changelog.gz DESTINATION share/doc/${name} COMPONENT ${component})
  install(FILES ${CMAKE_SOURCE_DIR}/LICENSE DESTINATION share/doc/${name} RENAME copyright COMPONENT ${component})

  string(TOUPPER ${component} upper)
  set(CPACK_DEBIAN_${upper}_PACKAGE_NAME ${name} PARENT_SCOPE)
  set(CPACK_COMPONENT_${upper}_DESCRIPTION ${description} PARENT_SCOPE)
  set(CPACK_DEBIAN_${upper}_PACKAGE_CONTROL_EXTRA
    "${made}/conffiles;${made}/postinst;${made}/prerm;${made}/postrm" PARENT_SCOPE)
endfunction()

gopher_package(proxy "reverse proxy over the backends that Redis names
 GopherProxy balances HTTP/1.1 requests over backends that come and go without
 ever being restarted: it reads the set of live backends from Redis, where
 gopher-sentinel keeps it. It limits the rate of each client, retries and
 ejects, and tells Prometheus what happens.")
gopher_package(sentinel "keeps the live backends of GopherProxy in Redis
 The sentinel probes backends and keeps the set of those that answer in Redis,
 from which gopher-proxy balances. Several sentinels may share one Redis: each
 vouches for what it sees with leases.")

include(CPack)
