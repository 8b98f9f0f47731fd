// What a segment's sums are multiplied by: the group's multiplier from the stream or from a key's
// groups, or the chunk's factor of each query.
//
// It comes MultiplyDelay cycles after the segment's word.
module rce_multiplier #(
  parameter int unsigned Queries = 2,
  localparam int unsigned FactorW = rce_pkg::FactorW
) (
  input  logic                        clk_i,
  input  rce_pkg::segment_t           control_i,
  input  logic [63:0]                 word_i,
  input  logic [3:0]                  key_i,
  input  logic [Queries*FactorW-1:0]  factor_i,  // [query], MultiplyDelay after the word
  output logic [Queries*FactorW-1:0]  multiplier_o  // [query]
);
  localparam int unsigned MultiplierW = rce_pkg::MultiplierW;

  // Multipliers of 8 rows (dense modes).
  logic [63:0] rows_q;
  always_ff @(posedge clk_i) begin
    if (control_i.load) rows_q <= word_i;
  end

  // All that it may be, then what it is.
  logic [7:0] sparse_q, dense, dense_q;
  logic [3:0] key_q;
  rce_pkg::multiplier_e which_q;
  logic no_multiplier_q;
  mux_wide #(.Width(8), .Inputs(8)) u_row (
    .data_i(rows_q), .select_i(control_i.row), .data_o(dense)
  );
  always_ff @(posedge clk_i) begin
    sparse_q <= word_i[63:56];
    dense_q <= dense;
    key_q <= key_i;
    which_q <= control_i.multiplier;
    no_multiplier_q <= control_i.multiplier_clear;
  end
  logic [MultiplierW-1:0] chosen, multiplier_q, multiplier;
  always_comb begin
    unique case (which_q)
      rce_pkg::MultiplierSparse24: chosen = {4'd0, sparse_q};
      rce_pkg::MultiplierDense: chosen = {4'd0, dense_q};
      rce_pkg::MultiplierDense16: chosen = {dense_q, 4'd0};
      default: chosen = {8'd0, key_q};
    endcase
  end
  always_ff @(posedge clk_i) multiplier_q <= no_multiplier_q ? '0 : chosen;
  delay_data #(.Width(MultiplierW), .Stages(rce_pkg::MultiplyDelay - 2)) u_delay (
    .clk_i, .en_i(1'b1), .data_i(multiplier_q), .data_o(multiplier)
  );

  // One of the two is 0.
  for (genvar q = 0; q < Queries; q++) begin : gen_query
    assign multiplier_o[FactorW*q +: FactorW] = factor_i[FactorW*q +: FactorW]
                                                | FactorW'(multiplier);
  end

  logic unused;
  assign unused = ^{control_i.low, control_i.high, control_i.low_clear, control_i.high_clear,
                    control_i.format};
endmodule
