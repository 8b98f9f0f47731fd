// 2^(-x / 2^16) * 2^30 of an integer: Exp2NegQ30 of docs/numerics.md. One result a cycle.
//
// Each step c - ((f * t) >> 16) is one DSP, two cycles: the shift of c * 2^16 + (2^16 - 1) - f * t.
module exp2_neg_q30 (
  input  logic                        clk_i,
  input  logic                        en_i,
  input  logic [fp_pkg::Exp2ArgW-1:0] x_i,
  // A cycle before the power, what it is a shift of.
  output logic [16:0]                 man_o,     // 2^(16 - fraction of x / 2^16)
  output logic [5:0]                  places_o,
  output logic [30:0]                 power_o
);
  localparam int unsigned Latency = fp_pkg::Exp2Latency;
  localparam int unsigned Steps = 4;
  if (Latency != 2 * Steps + 1) begin : gen_check_latency
    $error("exp2_neg_q30 has two stages a step and one more");
  end

  // f of each step, two cycles later than that of the step before; t, and 2^-f at the end.
  logic [15:0] f [Steps];
  logic [17:0] t [Steps+1];
  assign f[0] = x_i[15:0];
  assign t[0] = 18'(fp_pkg::Exp2C4);
  for (genvar i = 0; i < Steps; i++) begin : gen_step
    localparam int unsigned C = i == 0 ? fp_pkg::Exp2C3 :
                                i == 1 ? fp_pkg::Exp2C2 :
                                i == 2 ? fp_pkg::Exp2C1 : 65536;
    logic [47:0] difference, unused_pcout;
    logic        unused_bits;
    dsp_mul #(.AbRegisters(0), .FromC(1'b1)) u_step (
      .clk_i, .en_i, .a_i({11'd0, f[i]}), .b_i(t[i]), .c_i({14'd0, 18'(C), 16'hFFFF}),
      .pcin_i(48'd0), .p_o(difference), .pcout_o(unused_pcout)
    );
    assign t[i+1]      = difference[33:16];
    assign unused_bits = ^{difference[47:34], difference[15:0]};
  end
  for (genvar i = 1; i < Steps; i++) begin : gen_wait
    logic [15:0] f_q;
    always_ff @(posedge clk_i) begin
      if (en_i) begin
        f_q  <= f[i-1];
        f[i] <= f_q;
      end
    end
  end

  delay_ring #(.Width(6), .Delay(2 * Steps)) u_places (
    .clk_i, .en_i, .data_i(x_i[21:16]), .data_o(places_o)
  );
  assign man_o = t[Steps][16:0];
  always_ff @(posedge clk_i) begin
    if (en_i) power_o <= places_o[5] ? 31'd0 : {man_o, 14'd0} >> places_o[4:0];
  end
endmodule
