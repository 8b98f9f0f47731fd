// Binary32 constants, and the latency of every unit of rtl/float in cycles.
package fp_pkg;
  localparam logic [31:0] QuietNan = 32'h7FC0_0000;
  localparam logic [31:0] Infinity = 32'h7F80_0000;
  localparam logic [31:0] One = 32'h3F80_0000;

  localparam int unsigned AddLatency = 4;
  localparam int unsigned MulLatency = 6;
  localparam int unsigned DivLatency = 29;
  localparam int unsigned FromIntLatency = 3;
  localparam int unsigned ToIntLatency = 3;
endpackage
