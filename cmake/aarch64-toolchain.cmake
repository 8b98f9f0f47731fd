# Cross build for 64-bit Arm; its libraries lie in a folder of their own (tools/aarch64_sysroot.sh
# makes it), and its programs and tests run through the emulator.
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR aarch64)
set(CMAKE_C_COMPILER aarch64-linux-gnu-gcc)
set(CMAKE_CXX_COMPILER aarch64-linux-gnu-g++)

get_filename_component(sysroot ${CMAKE_CURRENT_LIST_DIR}/../.cache/aarch64-sysroot ABSOLUTE)
set(libraries ${sysroot}/usr/lib/aarch64-linux-gnu)
set(CMAKE_SYSROOT ${sysroot})
set(CMAKE_CROSSCOMPILING_EMULATOR qemu-aarch64 -L ${sysroot})
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_PACKAGE ONLY)

# On an installed system OpenBLAS is found through alternatives, which an unpacked one lacks.
set(ENV{PKG_CONFIG_SYSROOT_DIR} ${sysroot})
set(ENV{PKG_CONFIG_LIBDIR}
    ${libraries}/pkgconfig:${libraries}/openblas-pthread/pkgconfig:${sysroot}/usr/share/pkgconfig)
set(CMAKE_EXE_LINKER_FLAGS_INIT
    "-Wl,-rpath-link,${libraries} -Wl,-rpath-link,${libraries}/openblas-pthread")
