# Packages the kernel as an IP that Vitis links; gen_xo.tcl sources it in Vivado. `kit` is the folder that
# tools/rtl/card_kit.py wrote, `protocol` says who controls the kernel; the IP goes to $kit/ip.
set here [file dirname [file normalize [info script]]]
source [file join $here registers.tcl]
source [file join $kit kernel.tcl]

# Registers below the arguments, as AMD prescribes them: name, offset, and fields with lowest bit, bits and access.
set accllm_control {
  {CTRL   0x000 {{AP_START 0 1 read-write} {AP_DONE 1 1 read-only} {AP_IDLE 2 1 read-only}
                 {AP_READY 3 1 read-only} {AUTO_RESTART 7 1 read-write}}}
  {GIER   0x004 {{GIE 0 1 read-write}}}
  {IP_IER 0x008 {{DONE 0 1 read-write} {READY 1 1 read-write}}}
  {IP_ISR 0x00c {{DONE 0 1 read-write} {READY 1 1 read-write}}}
}

# The master of a lane, as card_kit.py names it.
proc master {lane} { return [format m%02d_axi $lane] }

# The master that a pointer is for, and "" if the kernel has no such lane. The program lies in the first channel.
proc master_of {argument} {
  if {$argument eq "instructions"} { return [master 0] }
  set lane [string range $argument [string length memory_] end]
  return [expr {$lane < $::accllm_lanes ? [master $lane] : ""}]
}

proc add_register {block name offset bits} {
  set register [ipx::add_register $name $block]
  set_property address_offset $offset $register
  set_property size $bits $register
  return $register
}

proc add_control {block} {
  foreach entry $::accllm_control {
    lassign $entry name offset fields
    set register [add_register $block $name $offset 32]
    foreach field $fields {
      lassign $field field_name bit width access
      set handle [ipx::add_field $field_name $register]
      set_property bit_offset $bit $handle
      set_property bit_width $width $handle
      set_property access $access $handle
    }
  }
}

proc add_arguments {block} {
  foreach argument $::accllm_arguments {
    lassign $argument name is_pointer bytes offset
    set master [expr {$is_pointer ? [master_of $name] : ""}]
    if {$is_pointer && $master eq ""} { continue }
    set register [add_register $block $name $offset [expr {8 * $bytes}]]
    if {$is_pointer} {
      set_property value $master [ipx::add_register_parameter ASSOCIATED_BUSIF $register]
    }
  }
}

# The block of registers: Vivado makes one of a slave that it knows by its ports.
proc register_block {core} {
  set map [ipx::get_memory_maps s_axi_control -of_objects $core]
  if {$map eq ""} { set map [ipx::add_memory_map s_axi_control $core] }
  set block [ipx::get_address_blocks reg0 -of_objects $map]
  if {$block eq ""} { set block [ipx::add_address_block reg0 $map] }
  set_property range 4096 $block
  set_property width 32 $block
  set_property slave_memory_map_ref s_axi_control [ipx::get_bus_interfaces s_axi_control -of_objects $core]
  return $block
}

# All ports belong to one clock. What a master does, AXI's wires do not say: bursts of at most 64 whole beats.
proc describe_interfaces {core} {
  ipx::associate_bus_interfaces -busif s_axi_control -clock ap_clk $core
  for {set lane 0} {$lane < $::accllm_lanes} {incr lane} {
    ipx::associate_bus_interfaces -busif [master $lane] -clock ap_clk $core
    set interface [ipx::get_bus_interfaces [master $lane] -of_objects $core]
    foreach {name value} {
      MAX_BURST_LENGTH 64 NUM_READ_OUTSTANDING 32 NUM_WRITE_OUTSTANDING 32 SUPPORTS_NARROW_BURST 0
    } {
      set_property value $value [ipx::add_bus_parameter -quiet $name $interface]
    }
  }
  ipx::associate_bus_interfaces -clock ap_clk -reset ap_rst_n $core
}

proc package_kernel {kit protocol} {
  set ip [file join $kit ip]
  create_project -force package [file join $kit project] -part xcu280-fsvh2892-2L-e
  foreach source $::accllm_sources { add_files -norecurse [file join $kit rtl $source] }
  set_property top $::accllm_kernel [current_fileset]
  update_compile_order -fileset sources_1
  ipx::package_project -root_dir $ip -vendor accllm -library kernel -taxonomy /KernelIP -import_files \
    -set_current true
  set core [ipx::current_core]
  set_property sdx_kernel true $core
  set_property sdx_kernel_type rtl $core
  set_property vitis_drc "ctrl_protocol $protocol" $core
  # v++ says how fast the clock is.
  set_property ipi_drc {ignore_freq_hz true} $core
  describe_interfaces $core
  set block [register_block $core]
  add_control $block
  add_arguments $block
  set_property supported_families {} $core
  set_property auto_family_support_level level_2 $core
  ipx::create_xgui_files $core
  ipx::update_checksums $core
  ipx::check_integrity $core
  ipx::save_core $core
  close_project -delete
  return $ip
}
